"""The networks of the papers: their sizes as published or counted by hand, what is pruned, how they begin."""

import math
from itertools import pairwise

import pytest
import torch
from torch import nn
from torchvision.models import VisionTransformer

from sdd_claims.errors import InputError
from sdd_claims.models import build, initial_weights
from sdd_claims.models.vit import Attention
from sdd_claims.randomness import Stream, draws
from sdd_claims.spec import ModelSpec, TransformerSpec

CIFAR = (3, 32, 32)
RESNET = ModelSpec(name="resnet18", hidden=(), batch_norm=True)
RESNET101 = ModelSpec(name="resnet101", hidden=(), batch_norm=True)
VGG16 = ModelSpec(name="vgg16", hidden=(), batch_norm=True)
VGG = ModelSpec(name="vgg_like", hidden=(), batch_norm=True, channels=(32, 64, 128, 256, 512))
VIT = ModelSpec(name="vit", hidden=(), transformer=TransformerSpec(), initialization="pytorch")
TINY = TransformerSpec(patch=2, width=64, depth=2, heads=4, mlp=48)
TINY_VIT = ModelSpec(name="vit", hidden=(), transformer=TINY, initialization="pytorch")


def parameters(architecture):
    return sum(parameter.numel() for parameter in architecture.module.parameters())


def drawn(seed, spec=TINY_VIT, shape=(1, 8, 8)):
    return initial_weights(build(spec, shape, 10), draws(seed, Stream.INITIALIZATION), spec.initialization)


@pytest.mark.parametrize(("classes", "published"), [(10, 11_173_962), (100, 11_220_132)])
def test_resnet18_for_small_images_has_the_published_number_of_parameters(classes, published):
    assert parameters(build(RESNET, CIFAR, classes)) == published


def test_resnet18_prunes_all_convolutions_and_the_linear_layer():
    net = build(RESNET, CIFAR, 10)
    matrices = {name: tuple(p.shape) for name, p in net.module.named_parameters() if p.ndim > 1}
    assert net.prunable == tuple(matrices)
    assert len(matrices) == 17 + 3 + 1  # convolutions, those of the shortcuts, and the linear layer
    # Each batch norm has a scale and a shift a channel.
    scales = 64 * 5 + (128 + 256 + 512) * 5
    assert net.prunable_count == 11_173_962 - 2 * scales - 10


def test_resnet18_sees_small_images_at_full_size():
    stem = nn.Sequential(*list(build(RESNET, (1, 14, 14), 10).module.children())[:5])
    assert stem(torch.empty(2, 1, 14, 14, device="meta")).shape == (2, 64, 14, 14)


def test_resnet101_for_small_images_has_torchvisions_parameters_but_for_its_first_and_last_layer():
    net = build(RESNET101, CIFAR, 200)
    published = 44_549_160  # of torchvision's, for 1000 classes
    first = 64 * 3 * 7 * 7 - 64 * 3 * 3 * 3
    last = (2048 + 1) * (1000 - 200)
    assert parameters(net) == published - first - last == 42_902_280


def test_resnet101_prunes_all_convolutions_and_the_linear_layer():
    net = build(RESNET101, CIFAR, 200)
    shapes = {name: tuple(p.shape) for name, p in net.module.named_parameters()}
    assert net.prunable == tuple(name for name, shape in shapes.items() if len(shape) > 1)
    # The first, three in each of 33 blocks, those of the four shortcuts, and the linear layer.
    assert len(net.prunable) == 1 + 3 * (3 + 4 + 23 + 3) + 4 + 1
    assert net.prunable[-1] == "fc.weight"


def test_resnet101_sees_small_images_at_full_size():
    stem = nn.Sequential(*list(build(RESNET101, CIFAR, 10).module.children())[:5])
    assert stem(torch.empty(2, 3, 32, 32, device="meta")).shape == (2, 256, 32, 32)


# Of 13 convolutions with 9 weights a pair of channels.
VGG16_WIDTHS = [3, 64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512]


def test_vgg16_for_small_images_has_the_published_number_of_parameters_with_biases_in_its_convolutions():
    # Without them, as in implementations that leave them to batch norm, there would be 14,724,042.
    assert parameters(build(VGG16, CIFAR, 10)) == 14_728_266 == 14_724_042 + sum(VGG16_WIDTHS[1:])


def test_vgg16_prunes_its_convolutions():
    net = build(VGG16, CIFAR, 10)
    shapes = {name: tuple(p.shape) for name, p in net.module.named_parameters()}
    pairs = pairwise(VGG16_WIDTHS)
    assert [shapes[name] for name in net.prunable] == [(outputs, inputs, 3, 3) for inputs, outputs in pairs]
    matrices = [name for name, shape in shapes.items() if len(shape) > 1]
    assert list(net.prunable) == matrices[:-1]
    assert shapes[matrices[-1]] == (10, 512)


def test_vgg16_is_that_of_openlth():
    """Four max pools, an average over the last 2x2 pixels, and one linear layer."""
    plan: list[int | str] = [64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512, 512, 512]
    layers: list[nn.Module] = []
    inputs = 3
    for step in plan:
        if isinstance(step, str):
            layers.append(nn.MaxPool2d(2))
        else:
            layers += [nn.Conv2d(inputs, step, 3, padding=1), nn.BatchNorm2d(step), nn.ReLU()]
            inputs = step
    theirs = nn.Sequential(*layers, nn.AvgPool2d(2), nn.Flatten(), nn.Linear(512, 10))
    net = build(VGG16, CIFAR, 10)
    weights = initial_weights(net, draws(0, Stream.INITIALIZATION))
    assert len(weights) == len(theirs.state_dict())
    theirs.load_state_dict(dict(zip(theirs.state_dict(), weights.values(), strict=True)))
    images = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        ours = torch.func.functional_call(net.module.eval(), weights, (images,))
        torch.testing.assert_close(ours, theirs.eval()(images))


@pytest.mark.parametrize("shape", [(1, 16, 16), (3, 28, 28), (3, 64, 64)])
def test_vgg16_takes_images_of_any_side_that_can_be_halved_four_times(shape):
    assert build(VGG16, shape, 7).module(torch.empty(2, *shape, device="meta")).shape == (2, 7)


@pytest.mark.parametrize(("spec", "side"), [(RESNET101, 8), (VGG16, 16)], ids=str)
def test_every_prunable_weight_of_a_large_network_learns(spec, side):
    net = build(spec, (3, side, side), 10)
    weights = initial_weights(net, draws(0, Stream.INITIALIZATION))
    trained = [weights[name].requires_grad_() for name, _ in net.module.named_parameters()]
    images = torch.randn(4, 3, side, side, generator=torch.Generator().manual_seed(0))
    logits = torch.func.functional_call(net.module.train(), weights, (images,))
    assert logits.shape == (4, 10)
    gradients = torch.autograd.grad(logits.logsumexp(1).sum(), trained)
    named = dict(zip((name for name, _ in net.module.named_parameters()), gradients, strict=True))
    for name in net.prunable:
        assert named[name].isfinite().all()
        assert named[name].any(), name


def test_images_too_small_for_vgg16_are_refused():
    with pytest.raises(InputError, match=r"but 14 x 14 pixels are less than 16 x 16; set DataSpec\.side to 16"):
        build(VGG16, (1, 14, 14), 10)


def test_the_vgg_like_network_has_the_parameters_counted_by_hand_and_prunes_its_convolutions():
    net = build(VGG, CIFAR, 10)
    widths = [(3, 32), (32, 64), (64, 128), (128, 256), (256, 512)]
    convolutions = [9 * pair for inputs, outputs in widths for pair in (inputs * outputs, outputs * outputs)]
    # Each of two convolutions a block has biases, and its batch norm a scale and a shift.
    others = sum(2 * 3 * outputs for _, outputs in widths) + 512 * 10 + 10
    shapes = {name: p.numel() for name, p in net.module.named_parameters()}
    assert [shapes[name] for name in net.prunable] == convolutions
    assert parameters(net) == sum(convolutions) + others == 4_721_322


def test_a_block_of_the_vgg_like_network_is_convolution_relu_and_batch_norm_twice_and_a_pool():
    net = build(ModelSpec(name="vgg_like", hidden=(), batch_norm=True, channels=(4, 8)), (1, 7, 7), 3).module
    assert isinstance(net, nn.Sequential)
    block = [nn.Conv2d, nn.ReLU, nn.BatchNorm2d] * 2 + [nn.MaxPool2d]
    assert [type(layer) for layer in net] == [*block, *block, nn.Flatten, nn.Linear]
    images = torch.empty(5, 1, 7, 7, device="meta")
    assert [tuple(net[:stop](images).shape[1:]) for stop in (7, 14, 16)] == [(4, 4, 4), (8, 2, 2), (3,)]


@pytest.mark.parametrize("side", [1, 7, 14, 28, 32])
def test_the_vgg_like_network_takes_images_of_any_side(side):
    assert build(VGG, (1, side, side), 7).module(torch.empty(2, 1, side, side, device="meta")).shape == (2, 7)


def test_the_vit_has_the_parameters_counted_by_hand_and_prunes_its_linear_layers():
    width, patches = 512, 64
    block = [3 * width * width, width * width, width * 512, 512 * width]  # attention in and out, two layers of the MLP
    biases = [3 * width, width, 512, width]
    norms = 2 * width
    linear = 6 * sum(block) + width * 10
    others = (
        width + (4 * 4 * 3 + 1) * width + (patches + 1) * width  # class token, patches, position embedding
        + 6 * (sum(biases) + 2 * norms) + norms + 10
    )  # fmt: skip
    net = build(VIT, CIFAR, 10)
    assert parameters(net) == linear + others == 9_532_938
    assert net.prunable_count == linear
    assert all(name.endswith(".weight") for name in net.prunable)
    assert not any("ln" in name or "conv_proj" in name for name in net.prunable)


def test_the_vit_has_as_many_parameters_as_torchvisions():
    theirs = VisionTransformer(
        image_size=32, patch_size=4, num_layers=6, num_heads=8, hidden_dim=512, mlp_dim=512, num_classes=10
    )
    assert parameters(build(VIT, CIFAR, 10)) == sum(parameter.numel() for parameter in theirs.parameters())


def test_attention_says_what_pytorchs_says():
    generator = torch.Generator().manual_seed(0)
    ours, theirs = Attention(12, 3).eval(), nn.MultiheadAttention(12, 3, batch_first=True).eval()
    with torch.no_grad():
        for parameter in ours.parameters():
            parameter.normal_(generator=generator)
        theirs.in_proj_weight.copy_(ours.in_proj.weight)
        theirs.in_proj_bias.copy_(ours.in_proj.bias)
        theirs.out_proj.load_state_dict(ours.out_proj.state_dict())
        x = torch.randn(5, 7, 12, generator=generator)
        torch.testing.assert_close(ours(x, x, x)[0], theirs(x, x, x)[0])


def test_a_vit_begins_as_torchvisions():
    weights = drawn(3)
    theirs = VisionTransformer(
        image_size=8, patch_size=2, num_layers=2, num_heads=4, hidden_dim=64, mlp_dim=48, num_classes=10
    ).state_dict()
    renamed = {name.replace("in_proj.", "in_proj_"): value for name, value in weights.items()}
    assert renamed.keys() == theirs.keys()
    for name, value in renamed.items():
        if name == "conv_proj.weight":  # of one channel, theirs of three
            assert value.std().item() == pytest.approx(math.sqrt(1 / 4), rel=0.2)
            continue
        expected = theirs[name]
        assert value.shape == expected.shape
        assert value.mean().item() == pytest.approx(expected.mean().item(), abs=0.02)
        if value.numel() >= 1000:
            assert value.std().item() == pytest.approx(expected.std().item(), rel=0.1)
            assert value.abs().max().item() == pytest.approx(expected.abs().max().item(), rel=0.3)


def test_a_seed_draws_a_vit_of_its_own_and_leaves_pytorchs_generator_alone():
    before = torch.get_rng_state()
    one, again, other = drawn(5), drawn(5), drawn(6)
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(one[name], again[name]) for name in one)
    for name in ("encoder.pos_embedding", "conv_proj.weight", "encoder.layers.encoder_layer_1.mlp.0.weight"):
        assert not torch.equal(one[name], other[name])
    assert not any(value.requires_grad for value in one.values())


@pytest.mark.parametrize("shape", [(1, 7, 7), (3, 8, 6)])
def test_images_that_are_no_squares_of_whole_patches_are_refused(shape):
    with pytest.raises(InputError, match=f"{shape[1]} x {shape[2]} pixels are not squares of 2 x 2"):
        build(TINY_VIT, shape, 10)
