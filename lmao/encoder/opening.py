"""The encoder that the settings ask for."""

from lmao.config.encoder import AnyEncoder, CnnEncoder
from lmao.encoder.cnn import Cnn
from lmao.encoder.encoder import Encoder
from lmao.engine.device import CPU, Device


def open_encoder(settings: AnyEncoder, dims: int, device: Device = CPU) -> Encoder:
    """The encoder on a device. dims: of the static vectors, 0 for none."""
    match settings:
        case CnnEncoder():
            return Cnn(settings, dims, device)
