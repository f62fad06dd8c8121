"""Stand-ins for torch, timm, Keras and transformers: as much of them as the page on training uses.

They learn nothing. They refuse what the real ones would not take, and what a loss must not get: targets of
another shape than the logits, no classes at all, values that are not finite. What reached a loss is kept in
`TARGETS`.
"""

from __future__ import annotations

from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
from PIL import Image

TARGETS: list[np.ndarray] = []
"""The targets of each call of a loss, in order."""


class Tensor(np.ndarray):
    """An array with the few methods of a tensor that are used."""

    def permute(self, *axes: int) -> Any:
        return self.transpose(axes)

    def backward(self) -> None:
        """Do nothing."""


def tensor(values: Any, dtype: Any = None) -> Any:
    made = np.array(values, dtype)
    # torch makes float32 of Python's numbers.
    return (made.astype(np.float32) if dtype is None and made.dtype == np.float64 else made).view(Tensor)


class Module:
    """Anything that is called and has no parameters."""

    def parameters(self) -> list[Any]:
        return []


class Flatten(Module):
    def __call__(self, values: Any) -> Any:
        return values.reshape(len(values), -1)


class Linear(Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        self._inputs, self._outputs = inputs, outputs

    def __call__(self, values: Any) -> Any:
        assert values.dtype == np.float32
        assert values.shape[1] == self._inputs
        return np.zeros((len(values), self._outputs), np.float32).view(Tensor)


class Sequential(Module):
    def __init__(self, *layers: Any) -> None:
        self._layers = layers

    def __call__(self, values: Any) -> Any:
        for layer in self._layers:
            values = layer(values)
        return values


class Adam:
    def __init__(self, parameters: list[Any], rate: float) -> None:
        assert rate > 0

    def zero_grad(self) -> None:
        """Do nothing."""

    def step(self) -> None:
        """Do nothing."""


class DataLoader:
    """Stacks the items of a data set to batches; the order does not matter here."""

    def __init__(self, data: Any, batch_size: int, shuffle: bool) -> None:
        self._data, self._size = data, batch_size

    def __iter__(self) -> Any:
        for start in range(0, len(self._data), self._size):
            items = [self._data[at] for at in range(start, min(start + self._size, len(self._data)))]
            yield tuple(np.stack(column).view(Tensor) for column in zip(*items, strict=True))


def cross_entropy(logits: Any, targets: Any, label_smoothing: float = 0.0) -> Any:
    """Return the mean cross entropy of probabilities; rows must sum to 1."""
    _take(logits, targets)
    np.testing.assert_allclose(np.asarray(targets).sum(1), 1, atol=1e-6)  # float32
    smooth = targets * (1 - label_smoothing) + label_smoothing / targets.shape[1]
    logs = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    return np.asarray(-(smooth * logs).sum(1).mean()).view(Tensor)


def binary_cross_entropy(logits: Any, targets: Any) -> Any:
    """Return the mean binary cross entropy; each target lies in 0..1."""
    _take(logits, targets)
    assert ((targets >= 0) & (targets <= 1)).all()
    return np.asarray(np.log1p(np.exp(-logits)) + (1 - targets) * logits).mean().view(Tensor)


def _take(logits: Any, targets: Any) -> None:
    assert logits.shape == targets.shape
    assert logits.ndim == 2
    assert logits.shape[1] > 0, "there are no classes: torch gives a loss of NaN"
    assert targets.dtype == np.float32
    assert np.isfinite(targets).all()
    TARGETS.append(np.asarray(targets))


class ImageModel(Module):
    """A model for (N, 3, H, W) images."""

    def __init__(self, classes: int) -> None:
        self.classes = classes

    def __call__(self, images: Any) -> Any:
        assert images.ndim == 4
        assert images.shape[1] == 3
        return np.zeros((len(images), self.classes), np.float32).view(Tensor)


class KerasModel:
    def __init__(self, layers: list[Any]) -> None:
        self._classes = layers[-1].units
        self._loss: Any = None

    def compile(self, optimizer: str, loss: Any) -> None:
        self._loss = loss

    def fit(self, images: Any, labels: Any, epochs: int, verbose: int) -> None:
        assert len(images) == len(labels)
        assert self._loss.from_logits
        cross_entropy(np.zeros((len(images), self._classes), np.float32), labels)


class Trainer:
    """Asks for the loss of the first rows, as one step of training would."""

    def __init__(self, model: Any, arguments: Any, **given: Any) -> None:
        self._model, self._arguments, self._given = model, arguments, given

    def train(self) -> None:
        assert self._arguments.remove_unused_columns is False  # else soft_label is gone
        data = self._given["train_dataset"]
        batch = self._given["data_collator"]([data[at] for at in range(4)])
        outputs = SimpleNamespace(logits=self._model(batch["pixel_values"]))
        self._given["compute_loss_func"](outputs, batch["labels"])


def _module(name: str, **members: Any) -> ModuleType:
    made = ModuleType(name)
    made.__dict__.update(members)
    return made


def make_stubs() -> dict[str, ModuleType]:
    """Return the stand-ins by the names under which they are imported."""
    functional = _module(
        "functional", cross_entropy=cross_entropy, binary_cross_entropy_with_logits=binary_cross_entropy
    )
    torch = _module(
        "torch",
        tensor=tensor,
        Tensor=Tensor,
        Generator=Adam,  # datasets asks for this name
        float32=np.float32,
        zeros=lambda shape: np.zeros(shape, np.float32).view(Tensor),
        nn=_module(
            "nn", Module=Module, Sequential=Sequential, Flatten=Flatten, Linear=Linear, functional=functional
        ),
        optim=_module("optim", Adam=Adam),
        utils=_module("utils", data=_module("data", Dataset=object, DataLoader=DataLoader)),
    )
    loss = _module("timm.loss", SoftTargetCrossEntropy=lambda: cross_entropy)
    timm = _module("timm", loss=loss, create_model=lambda name, num_classes: ImageModel(num_classes))
    keras = _module(
        "keras",
        utils=_module(
            "utils", load_img=_load_image, img_to_array=lambda image: np.asarray(image, np.float32)
        ),
        layers=_module("layers", Flatten=object, Dense=lambda units: SimpleNamespace(units=units)),
        losses=_module("losses", CategoricalCrossentropy=SimpleNamespace),
        Sequential=KerasModel,
    )
    transformers = _module(
        "transformers",
        PreTrainedTokenizerBase=Adam,  # datasets asks for this name, too
        ResNetConfig=SimpleNamespace,
        ResNetForImageClassification=lambda config: ImageModel(config.num_labels),
        TrainingArguments=lambda directory, **given: SimpleNamespace(**given),
        Trainer=Trainer,
    )
    return {"torch": torch, "timm": timm, "timm.loss": loss, "keras": keras, "transformers": transformers}


def _load_image(path: str, target_size: tuple[int, int]) -> Image.Image:
    height, width = target_size
    with Image.open(path) as image:
        return image.convert("RGB").resize((width, height))
