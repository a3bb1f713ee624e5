"""The network, and how its weights are initialized."""

from dataclasses import dataclass
from typing import Literal

from sdd_claims.spec.base import Spec
from sdd_claims.spec.own import OWN, OwnNetwork

Network = Literal["mlp", "conv", "vgg_like", "vgg16", "resnet18", "resnet101", "relu_network", "vit", "own"]
Initialization = Literal["kaiming_normal", "pytorch", "uniform"]

_NAMES = {"vgg16": "VGG-16", "resnet18": "ResNet-18", "resnet101": "ResNet-101", "vit": "ViT"}


@dataclass(frozen=True, kw_only=True)
class TransformerSpec(Spec):
    """A vision transformer's sizes; the defaults are those of the code of Quétu & Milovanović 2023.

    Attributes:
        patch: side of a patch, in pixels.
        width: dimensions of the embedding.
        depth: encoder blocks.
        heads: heads of attention.
        mlp: hidden units of each block's MLP.
        dropout: fraction dropped in training.
    """

    patch: int = 4
    width: int = 512
    depth: int = 6
    heads: int = 8
    mlp: int = 512
    dropout: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("patch", "width", "depth", "heads", "mlp"):
            self._require(name, getattr(self, name) >= 1, "at least 1")
        self._require("width", self.width % self.heads == 0, f"a multiple of the {self.heads} heads")
        self._require("dropout", 0 <= self.dropout < 1, "at least 0 and below 1")


@dataclass(frozen=True, kw_only=True)
class ModelSpec(Spec):
    """The network.

    Attributes:
        name: architecture, see `sdd_claims.models`: "mlp"; "conv"; "vgg_like" (Quétu & Milovanović 2023); "vgg16",
            "resnet18", "resnet101" and "vit" from torchvision, adapted to small images; "relu_network" (Parhi et al.
            2021); "own", made by a callable of the user's.
        hidden: widths of the hidden layers of an MLP or a ReLU network; (300, 100) is LeNet-300-100. Others have none.
        channels: outputs of the convolutions of a conv net, of the blocks of a VGG-like one.
        batch_norm: whether batch norm follows each convolution; VGGs and ResNets always have it.
        functional_width: rank to which the matrices between a ReLU network's hidden layers are factored; 0 for whole
            matrices.
        transformer: sizes of a "vit".
        own: the user's own network.
        initialization: "kaiming_normal" with zero biases (He et al. 2022, B); "pytorch", the layers' own; "uniform",
            all parameters on [-1, 1] (Parhi et al. 2021, 3).
    """

    name: Network = "mlp"
    hidden: tuple[int, ...] = (300, 100)
    channels: tuple[int, ...] = ()
    batch_norm: bool = False
    functional_width: int = 0
    transformer: TransformerSpec | None = None
    initialization: Initialization = "kaiming_normal"
    own: OwnNetwork | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        with_hidden, with_channels = self.name in ("mlp", "relu_network"), self.name in ("conv", "vgg_like")
        self._require("hidden", all(width > 0 for width in self.hidden), "positive whole widths")
        last = "an MLP without hidden layers has only its last, which is never pruned"
        self._require("hidden", bool(self.hidden) or self.name != "mlp", f"one width or more: {last}")
        self._require("hidden", bool(self.hidden) or self.name != "relu_network", "one width or more")
        self._require("hidden", with_hidden or not self.hidden, f"() for {self.name!r}, which has no hidden widths")
        self._require("channels", all(width > 0 for width in self.channels), "positive whole widths")
        self._require("channels", bool(self.channels) == with_channels, "given for 'conv' and 'vgg_like' only")
        always = self.name in ("vgg_like", "vgg16", "resnet18", "resnet101")
        self._require("batch_norm", self.name == "conv" or self.batch_norm == always, f"{always} for {self.name!r}")
        self._require("functional_width", self.functional_width >= 0, "at least 0")
        factored = self.name == "relu_network" and len(self.hidden) > 1
        self._require("functional_width", factored or not self.functional_width, "0 but for a deep 'relu_network'")
        self._require("transformer", (self.transformer is not None) == (self.name == "vit"), "given for 'vit' only")
        self._require("own", (self.own is not None) == (self.name == OWN), f"given for {OWN!r} only")
        drawn = self.name not in ("vit", OWN) or self.initialization == "pytorch"
        self._require("initialization", drawn, "'pytorch' for a ViT or a network of one's own, which draw their own")

    def __str__(self) -> str:
        if self.own is not None:
            return str(self.own)
        widths = "-".join(map(str, self.hidden))
        if self.name == "mlp":
            return f"MLP-{widths}"
        if self.name == "relu_network":
            factored = f"factored through {self.functional_width}" if self.functional_width else "with whole matrices"
            return f"ReLU network {widths} " + (factored if len(self.hidden) > 1 else "with one hidden layer")
        if self.name == "conv":
            norm = "with batch norm" if self.batch_norm else "without batch norm"
            return f"conv net of {' and '.join(map(str, self.channels))} channels {norm}"
        if self.name == "vgg_like":
            return f"VGG-like net of {' and '.join(map(str, self.channels))} channels"
        return _NAMES.get(self.name, self.name)
