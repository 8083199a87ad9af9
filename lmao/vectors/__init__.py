"""Static vectors: tables read or trained, the types' rows, vectors of whole texts, the nearest rows."""
