"""A vision transformer (Dosovitskiy et al. 2021) for small images."""

import math

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import softmax

from sdd_claims.errors import InputError
from sdd_claims.spec import TransformerSpec


def vision_transformer(input_shape: tuple[int, int, int], sizes: TransformerSpec, classes: int) -> nn.Module:
    """Torchvision's vision transformer, for images of any number of channels, with an attention that can be stacked.

    Dropout follows the position embedding, the attention, and both layers of each MLP; attention weights have none.

    Raises:
        InputError: images that are no squares of whole patches.
    """
    channels, height, width = input_shape
    if height != width or height % sizes.patch:
        raise InputError(
            f"a ViT cuts square images into patches, but {height} x {width} pixels are not squares of {sizes.patch} x "
            f"{sizes.patch}; choose a TransformerSpec.patch that divides the side, or another DataSpec.side"
        )
    # Imported late: torchvision takes a second to import, and most runs do without it.
    from torchvision.models import VisionTransformer

    network = VisionTransformer(
        image_size=height,
        patch_size=sizes.patch,
        num_layers=sizes.depth,
        num_heads=sizes.heads,
        hidden_dim=sizes.width,
        mlp_dim=sizes.mlp,
        dropout=sizes.dropout,
        num_classes=classes,
    )
    network.conv_proj = nn.Conv2d(channels, sizes.width, kernel_size=sizes.patch, stride=sizes.patch)
    # As torchvision begins its own, which is for three channels.
    nn.init.trunc_normal_(network.conv_proj.weight, std=math.sqrt(1 / network.conv_proj.weight[0].numel()))
    nn.init.zeros_(network.conv_proj.bias)
    for block in network.encoder.layers:
        block.self_attention = Attention(sizes.width, sizes.heads)
    return network


class Attention(nn.Module):
    """`nn.MultiheadAttention` of a sequence to itself, by plain matrix products and from the same initialization.

    PyTorch's fused kernels have no rule for `vmap` on the CPU, and their gradients on a GPU vary from run to run. Here
    too each matrix belongs to a linear layer of its own, as pruning and the count of operations want it.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.in_proj = nn.Linear(width, 3 * width)
        self.out_proj = nn.Linear(width, width)
        nn.init.xavier_uniform_(self.in_proj.weight)
        nn.init.zeros_(self.in_proj.bias)
        nn.init.zeros_(self.out_proj.bias)

    def forward(
        self, query: Float[Tensor, "batch tokens width"], *_: Tensor, need_weights: bool = False
    ) -> tuple[Float[Tensor, "batch tokens width"], None]:
        """As torchvision's encoder calls it: query, key and value are the same, the weights are not asked for."""
        queries, keys, values = (
            part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in self.in_proj(query).chunk(3, -1)
        )
        scores = queries @ keys.mT / math.sqrt(queries.shape[-1])
        attended = softmax(scores, -1) @ values
        return self.out_proj(attended.transpose(1, 2).flatten(2)), None
