"""The ways in which hostile input can come, see `hostile.Surface`: files that are read, and words of a command line."""

import gzip
import hashlib
import importlib
import io
import json
import pickle
import pickletools
import re
import shutil
import tempfile
import warnings
import zipfile
from argparse import Namespace
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from click.testing import CliRunner
from hypothesis import strategies as st

from sdd_claims.cli.main import main
from sdd_claims.command_line import OPTIONS
from sdd_claims.data import human_labels, own, tiny_imagenet
from sdd_claims.data.catalogue import CATALOGUE
from sdd_claims.data.datasets import load
from sdd_claims.data.prepared_form import ARRAYS
from sdd_claims.judging.options import settings_of
from sdd_claims.locations import checkout
from sdd_claims.planning.plan import Request, plan
from sdd_claims.record import Replica
from sdd_claims.registration import register, windows
from sdd_claims.report import claims_json, evidence
from sdd_claims.spec import RunSpec, canonical_json, run_of
from sdd_claims.storage.checksummed_json import seal, unseal
from sdd_claims.storage.ledger_file import LedgerFile
from sdd_claims.storage.store import Store
from sdd_claims.tests.hostile import MARK, Surface, changed, is_sentence, numbers, taken, texts, values
from sdd_claims.tests.hostile_texts import PAGES, known
from sdd_claims.tests.tiny import KEPT, fill

ROOT = checkout() or Path()
FOLDER = ROOT / "reports" / "published" / "fast"


def commands(*calls: tuple[object, ...]) -> bool:
    """Whether commands accept their words; else each says why not in a sentence. Any crash is raised."""
    accepted = True
    for words in calls:
        done = CliRunner().invoke(main, [*map(str, words)], catch_exceptions=False)
        assert done.exit_code in (0, 1, 2)
        assert "Traceback" not in done.output
        if done.exit_code == 2:
            assert is_sentence(" ".join(done.output.rpartition("rror: ")[2].split())), done.output
            accepted = False
    return accepted


# A judged run


@cache
def judged_run() -> tuple[str, str]:
    """The text of a small judged run, of one claim, and of its evidence."""
    document = json.loads((FOLDER / "claims.json").read_text(encoding="utf-8"))
    document["claims"] = [claim for claim in document["claims"] if claim["p_holm"] == 1][:1]
    document["calibration"] = {
        name: each[:2] if isinstance(each, list) else each for name, each in document["calibration"].items()
    }
    needed = {(run["digest"], run["measure"]) for run in evidence.curves_of(document["claims"][0])}
    content = json.loads(gzip.decompress((FOLDER / evidence.NAME).read_bytes()))
    content["curves"] = [each for each in content["curves"] if (each["digest"], each["measure"]) in needed]
    text = json.dumps(content)
    document["evidence"]["sha256"] = hashlib.sha256(text.encode()).hexdigest()
    return json.dumps(document), text


def write_run(folder: Path, document: object, curves: str) -> None:
    """A folder as it is published."""
    (folder / "claims.json").write_text(json.dumps(document), encoding="utf-8")
    (folder / evidence.NAME).write_bytes(gzip.compress(curves.encode(), 1))


def read_claims(document: Any, folder: Path) -> bool:
    path = folder / "claims.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    return taken(lambda: claims_json.read(path))


def shown_claims(document: Any, folder: Path) -> bool:
    (folder / "old").mkdir()
    write_run(folder / "old", json.loads(judged_run()[0]), judged_run()[1])
    write_run(folder, document, judged_run()[1])
    return commands(
        ("diff", folder / "old", folder),
        ("diff", "--json", folder, folder / "old"),
        ("export", folder, "--curves", folder / "c.csv", "--table", folder / "t.tex"),
        ("report", folder),
    )


def drawn_claims() -> st.SearchStrategy[Any]:
    known()  # see there
    return changed(judged_run()[0])


@st.composite
def sound_evidence(draw: st.DrawFn) -> tuple[Any, str]:
    """A run whose curves, or the claim that they belong to, were changed, every checksum made right."""
    document, curves = json.loads(judged_run()[0]), json.loads(judged_run()[1])
    if draw(st.booleans()):
        document["claims"] = draw(changed(json.dumps(document["claims"])))
    else:
        curves["curves"] = draw(changed(json.dumps(curves["curves"])))
    for each in curves["curves"] if isinstance(curves["curves"], list) else ():
        if isinstance(each, dict):
            each["sha256"] = evidence._checksum(each)
    text = json.dumps(curves)
    document["evidence"]["sha256"] = hashlib.sha256(text.encode()).hexdigest()
    return document, text


def rejudged(drawn: tuple[Any, str], folder: Path) -> bool:
    write_run(folder, *drawn)
    return commands(("rejudge", folder), ("rejudge", "--json", folder))


def read_evidence(drawn: Any, folder: Path) -> bool:
    for each in drawn.get("curves", ()) if isinstance(drawn, dict) and isinstance(drawn.get("curves"), list) else ():
        if isinstance(each, dict):
            each["sha256"] = evidence._checksum(each)
    (folder / evidence.NAME).write_bytes(gzip.compress(json.dumps(drawn).encode(), 1))
    return taken(lambda: evidence.read(folder))


@cache
def few_curves() -> str:
    rows = {"1000": [0.5, None], "1001": [0.25, 1.0]}
    run = {"digest": "0" * 64, "measure": "test_accuracy", "axis": "density", "position": [1.0, 0.5], "rows": rows}
    return json.dumps({"schema": 1, "curves": [run | {"sha256": ""}]})


# Files that are written by hand, and settings


def as_toml(value: Any) -> str:
    """A value on one line of TOML, as well as it can say it."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{as_toml(str(name))} = {as_toml(held)}" for name, held in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(as_toml, value)) + "]"
    if isinstance(value, str):
        if re.fullmatch(r"\d{4}-\d\d-\d\d", value):
            return value
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if value is None or isinstance(value, bool):
        return "2026-11-20" if value is None else str(value).lower()
    return repr(value)


REGISTER = {
    "alpha": 0.05,
    "papers": {"nobody": "Nobody 2026, Nothing"},
    "claims": {
        "nobody": {
            "obedience": {
                "statement": "It does.",
                "source": "Figure 1",
                "basis": "paper",
                "paper_value": "1 %",
                "changes": ["none"],
                "fast": [{"block": 1000, "expected": "supported", "date": "2026-11-20", "commit": "a", "why": "so"}],
            },
            "question": {"statement": "Does it?", "source": "ours", "question": True, "tiers": ["fast", "full"]},
        }
    },
}


def read_register(drawn: Any, folder: Path) -> bool:
    tree = drawn if isinstance(drawn, dict) else {"alpha": drawn}
    text = "\n".join(f"{as_toml(str(name))} = {as_toml(held)}" for name, held in tree.items())
    (folder / "register.toml").write_text(text, encoding="utf-8", errors="surrogatepass")

    def read() -> None:
        for claim in register.read(folder / "register.toml").claims.values():
            assert re.fullmatch(r"\w+/\w+", claim.id, re.ASCII)
            assert all(isinstance(each, str) for each in (claim.title, claim.statement, claim.source, *claim.changes))
            assert all(isinstance(row.why, str) for rows in claim.registrations.values() for row in rows)

    return taken(read)


@cache
def paper_windows() -> str:
    whole = json.loads((ROOT / "claims" / "he2022" / "windows.json").read_text(encoding="utf-8"))
    fast = whole["fast"]
    return json.dumps({"fast": {**fast, "settings": dict([*fast["settings"].items()][:2])}})


def read_windows(drawn: Any, folder: Path) -> bool:
    (folder / "windows.json").write_text(json.dumps(drawn), encoding="utf-8")
    return taken(lambda: windows.read(folder / "windows.json", "fast"))


SETTINGS = (RunSpec(), KEPT, KEPT.but(derivation={"kind": "redense"}))


@st.composite
def settings_text(draw: st.DrawFn) -> str:
    content = draw(changed(canonical_json(draw(st.sampled_from(SETTINGS)).as_dict()), 3))
    return json.dumps(content, sort_keys=True, separators=(",", ":"))


def read_settings(text: str, folder: Path) -> bool:
    return taken(lambda: hash(run_of(text).digest))


def read_any(text: bytes, folder: Path) -> bool:
    """Bytes that are no file of ours, to all readers of text."""
    for name in ("claims.json", "windows.json", "register.toml", "judged.json"):
        (folder / name).write_bytes(text)
    (folder / evidence.NAME).write_bytes(gzip.compress(text, 1))
    return taken(
        lambda: claims_json.read(folder / "claims.json"),
        lambda: evidence.read(folder),
        lambda: windows.read(folder / "windows.json", "fast"),
        lambda: register.read(folder / "register.toml"),
        lambda: LedgerFile(folder / "judged.json").read(),
        lambda: run_of(text.decode(errors="replace")),
    )


def any_bytes() -> st.SearchStrategy[bytes]:
    brackets = st.builds(
        lambda opening, count, rest: opening * count + rest,
        st.sampled_from([b"[", b'{"a":', b"a=[", b"[[a.", b"a.", b"a={b=", b'"', b"'''", b"-", b"9"]),
        st.sampled_from([1, 50, 99, 101, 900, 5000, 20_000]),
        st.binary(max_size=10) | st.sampled_from([b"1", b"=1", b"]" * 101, b"}" * 101]),
    )
    return st.binary(max_size=100) | brackets | values.map(lambda value: json.dumps(value).encode())


# A store


@cache
def filled() -> Path:
    """A store of two replicas of two levels, which no test changes."""
    path = Path(tempfile.mkdtemp(prefix="hostile-store-"))
    fill(Store(path), plan([Request(KEPT, (1000, 1001), 2)]))
    LedgerFile(path / "judged.json").write({"he2022/x [fast] 1000": "0" * 64})
    return path


@st.composite
def sealed_file(draw: st.DrawFn) -> tuple[str, bytes]:
    """A file of the store with another content and the right checksum."""
    files = sorted(path for path in filled().rglob("*.json"))
    path = draw(st.sampled_from(files))
    content = draw(changed(json.dumps(unseal(path.read_bytes()))))
    try:
        raw = seal(content)
    except ValueError:  # what no seal is for
        raw = json.dumps(content).encode()
    return str(path.relative_to(filled())), raw


def read_store(drawn: tuple[str, bytes], folder: Path) -> bool:
    name, raw = drawn
    shutil.copytree(filled(), folder / "store")
    (folder / "store" / name).write_bytes(raw)
    replica = Replica(KEPT, 1000)

    def opened() -> Store:
        return Store(folder / "store")

    accepted = taken(
        lambda: opened().levels_done(replica),
        lambda: opened().provenance(*replica.key),
        lambda: opened().curve(KEPT.digest, "test_accuracy", (1000, 1001), 2).values.mean(),
        lambda: opened().state(replica, 1),
        lambda: LedgerFile(folder / "store" / "judged.json").read(),
    )
    commands(("store", "store", "size"), ("store", "store", "size", "--json"), ("store", "store", "verify"))
    taken(lambda: opened().verify(replica))
    return accepted


# Images and labels


class Evil:
    """Runs code wherever it is unpickled."""

    def __reduce__(self) -> Any:
        import os

        return os.system, (MARK,)


DTYPES = (
    "uint8",
    "int64",
    "uint64",
    "bool",
    "float16",
    "float32",
    "float64",
    "complex64",
    "U3",
    "S2",
    "M8[s]",
    "O",
    "V4",
)


@st.composite
def arrays(draw: st.DrawFn) -> np.ndarray:
    shape = draw(st.lists(st.integers(0, 4), max_size=5) | st.sampled_from([[8], [8, 2, 2], [8, 4], [8, 2, 2, 3]]))
    dtype = draw(st.sampled_from(("uint8", "int64", "float32", *DTYPES)))
    if dtype == "O":
        return np.full(shape, Evil(), dtype=object)
    numbers_ = np.arange(int(np.prod(shape, dtype=int))) % 3
    array = numbers_.reshape(shape).astype("f4").astype(dtype) if dtype != "V4" else np.zeros(shape, "V4")
    if array.size and array.dtype.kind == "f" and draw(st.booleans()):
        array.flat[-1] = draw(st.sampled_from([np.nan, np.inf, -np.inf, np.finfo(array.dtype).max]))
    return array


@st.composite
def pairs(draw: st.DrawFn, names: tuple[str, ...]) -> dict[str, Any]:
    """Images and labels that fit each other, but for one of them perhaps."""
    shape = draw(st.sampled_from([(4,), (2, 2), (2, 2, 3), (2, 2, 9)]))
    kinds = st.sampled_from(["uint8", "float32", "float64", "int64"])
    found: dict[str, Any] = {}
    for name in names:
        numbers_ = np.arange(8 * int(np.prod(shape))).reshape(8, *shape) if "images" in name else np.arange(8) % 2
        found[name] = numbers_.astype(draw(kinds))
    spoiled = draw(st.booleans())
    if names and spoiled:
        found[draw(st.sampled_from([*names]))] = draw(arrays())
    return found


NAMES = st.sampled_from(["images", "labels", "train_images", "train_labels", "test_images", "test_labels"])


@st.composite
def npz(draw: st.DrawFn) -> bytes:
    """An archive: arrays under wanted and other names, what is no array, headers that lie; cut or flipped."""
    held = io.BytesIO()
    forms: list[tuple[str, ...]] = [("images", "labels"), ARRAYS, ()]
    wanted = draw(st.sampled_from(forms))
    fitting = draw(pairs(wanted))
    names = [*wanted, *draw(st.lists(NAMES | texts, max_size=2))]
    with warnings.catch_warnings(), zipfile.ZipFile(held, "w", draw(st.sampled_from([0, 0, 0, 8, 12]))) as archive:
        warnings.simplefilter("ignore")  # on a name that is there twice
        for name in names:
            content = io.BytesIO()
            np.save(content, fitting[name] if name in fitting else draw(arrays()), allow_pickle=True)
            raw = content.getvalue()
            how = draw(st.sampled_from(["sound"] * 12 + ["lies", "deep", "bytes", "pickle"]))
            if how == "lies":
                shape = draw(st.sampled_from(["10**9", "(10,)*99", "(-1,)", "(1,2", "9" * 30 + ",", "1e3,"]))
                raw = header(f"{{'descr': '<f8', 'fortran_order': False, 'shape': ({shape})}}")
            elif how == "deep":
                raw = header("{'shape': " + "(" * 300 + ")" * 300 + "}")
            elif how == "bytes":
                raw = draw(st.binary(max_size=50))
            elif how == "pickle":
                raw = header("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}") + pickle.dumps(Evil())
            place = draw(st.sampled_from(["{}.npy"] * 12 + ["../../victim/{}.npy", "/{}.npy", "{}"]))
            inside = place.format(name.encode(errors="replace").decode()).replace("\0", "_")
            archive.writestr(inside or "x", raw)
    whole = bytearray(held.getvalue())
    for _ in range(draw(st.sampled_from([0] * 6 + [1, 3]))):
        whole[draw(st.integers(0, len(whole) - 1))] = draw(st.integers(0, 255))
    ends: list[int | None] = [*[None] * 8, len(whole) // 2, -10]
    return bytes(whole[: draw(st.sampled_from(ends))])


def header(text: str) -> bytes:
    """The beginning of an .npy file of version 2, which says what its numbers are."""
    return b"\x93NUMPY\x02\x00" + len(text).to_bytes(4, "little") + text.encode()


def read_npz(raw: bytes, folder: Path) -> bool:
    (folder / "data.npz").write_bytes(raw)
    return taken(lambda: sound_arrays(own.prepared(own.from_npz(folder / "data.npz"), "--data data.npz")))


def sound_arrays(found: dict[str, np.ndarray]) -> None:
    for part in ("train", "test"):
        images, labels = found[f"{part}_images"], found[f"{part}_labels"]
        assert len(images) == len(labels) > 0
        assert np.isfinite(images).all()
        assert labels.dtype == np.int64
        assert labels.min() >= 0


def given_arrays() -> st.SearchStrategy[Any]:
    held = arrays() | values
    names = NAMES | texts
    return (
        pairs(("images", "labels"))
        | pairs(ARRAYS)
        | st.dictionaries(names, held, max_size=6)
        | st.lists(held, max_size=5)
        | st.tuples(held, held)
        | held
    )


def read_arrays(drawn: Any, folder: Path) -> bool:
    return taken(lambda: sound_arrays(own.prepared(drawn, "data")))


@cache
def label_file() -> bytes:
    held = io.BytesIO()
    torch.save({"clean_label": np.arange(3), "worse_label": np.arange(3)}, held)
    return held.getvalue()


CODES = sorted(code.code.encode("latin1") for code in pickletools.opcodes)
NAMED = st.sampled_from(
    ["os system", "builtins eval", "builtins exec", "numpy dtype", "torch load", "collections OrderedDict"]
)


@st.composite
def pickles(draw: st.DrawFn) -> bytes:
    """Opcodes in any order, calls of functions among them; half of them after a sound beginning."""
    pieces = [b"\x80\x02"]
    for _ in range(draw(st.integers(1, 12))):
        name = draw(NAMED)
        pieces.append(
            draw(
                st.sampled_from(
                    [
                        b"c" + name.replace(" ", "\n").encode() + b"\n",
                        b"X" + len(MARK).to_bytes(4, "little") + MARK.encode() + b"\x85R",
                        b"X\x02\x00\x00\x00osX\x06\x00\x00\x00system\x93",
                        *(b"}", b"]", b")", b"(", b"t", b"R", b"b", b"q\x00", b"h\x00", b"K\x01", b"N", b"o", b"\x81"),
                    ]
                )
                | st.sampled_from(CODES)
                | st.binary(max_size=4)
            )
        )
    return b"".join([*pieces, draw(st.sampled_from([b".", b""]))])


@st.composite
def label_files(draw: st.DrawFn) -> bytes:
    """The opcodes bare, or within PyTorch's archive; or a sound file with bytes changed."""
    how = draw(st.sampled_from(["bare", "archive", "changed"]))
    if how == "bare":
        return draw(pickles())
    if how == "archive":
        held = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(label_file())) as sound, zipfile.ZipFile(held, "w") as archive:
            for name in sound.namelist():
                archive.writestr(name, draw(pickles()) if name.endswith("data.pkl") else sound.read(name))
        return held.getvalue()
    raw = bytearray(label_file())
    for _ in range(draw(st.integers(1, 5))):
        raw[draw(st.integers(0, len(raw) - 1))] = draw(st.integers(0, 255))
    return bytes(raw[: draw(st.sampled_from([None, None, -5, len(raw) // 2]))])


def read_labels(raw: bytes, folder: Path) -> bool:
    (folder / "labels.pt").write_bytes(raw)
    return taken(lambda: human_labels._arrays(folder / "labels.pt", "fetch it again"))


def idx_files() -> st.SearchStrategy[bytes]:
    """Files as MNIST's, of any kind of number, any shape and any number of bytes."""
    shapes = st.lists(st.integers(0, 5) | st.integers(0, 2**32 - 1), max_size=4)
    return st.builds(
        lambda kind, shape, rest: (
            bytes([0, 0, kind, len(shape)]) + b"".join(each.to_bytes(4, "big") for each in shape) + rest
        ),
        st.sampled_from([8, 9, 11, 12, 13, 14, 0, 255]),
        shapes,
        st.binary(max_size=40),
    )


@st.composite
def published_sets(draw: st.DrawFn) -> tuple[str, dict[str, bytes]]:
    """A data set in its authors' form: the files that are read, each with another content than the published."""
    importlib.import_module("torchvision.datasets")  # makes a folder, the first time
    info = CATALOGUE[draw(st.sampled_from(["mnist", "fashion_mnist", "cifar10", "cifar100", "tiny_imagenet"]))]
    if info.torchvision is None:
        words = st.sampled_from(["n01443537", "../n02", "val_0.JPEG", "val_0.JPEG\tn01443537\t0", "\t"]) | texts
        lines = st.lists(words, max_size=4).map(lambda found: "\n".join(found).encode(errors="replace"))
        top = f"{tiny_imagenet.FOLDER}/"
        files = {f"{top}wnids.txt": draw(lines), f"{top}val/val_annotations.txt": draw(lines)}
        images = (f"{top}train/n01443537/images/n01443537_0.JPEG", f"{top}val/images/val_0.JPEG")
        return info.name, files | {image: draw(st.binary()) for image in images}
    held = pickles() | idx_files() | st.binary(max_size=60) | st.binary(max_size=60).map(gzip.compress)
    return info.name, {file: draw(held) for file in info.torchvision_files}


def read_published(drawn: tuple[str, dict[str, bytes]], folder: Path) -> bool:
    name, files = drawn
    for file, content in files.items():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_bytes(content)
    return taken(lambda: load(name, folder))


# Command lines

FREE = texts.map(lambda text: re.sub(r"[/\\\0~]|^\.+$", "_", text)[:300]).filter(
    lambda text: text.encode(errors="replace").decode() == text
)
"""Words that name no file elsewhere: whoever names one on a command line wants it."""


def words_of(command: Any) -> st.SearchStrategy[list[str]]:
    """A command with any of its options, and any words."""
    options = [name for option in command.params for name in option.opts if name.startswith("-")]
    known = st.sampled_from(
        [*options, "--help", "--", "run", "store", "fast", "full", "bibtex", "cff", "today", "he2022"]
    )
    joined = st.builds("{}={}".format, st.sampled_from(options or ["--x"]), FREE)
    return st.lists(known | joined | FREE, max_size=6)


@st.composite
def command_lines(draw: st.DrawFn) -> list[str]:
    """A command and words. What would train has a file that is not there among them, and stops at it."""
    name = draw(st.sampled_from([*main.commands]) | FREE)
    command = main.commands.get(name)
    if command is None:
        return [name, *draw(st.lists(FREE, max_size=3))]
    words = draw(words_of(command))
    if name == "check":
        return [name, *words, "--network", f"{MARK}.py:{draw(FREE)}", "--data", draw(FREE)]
    if name in ("run", "plan"):
        return [name, draw(st.sampled_from(["fast", "full"]) | FREE), "no_such_file", *words]
    if name == "store":
        action = draw(st.sampled_from(["size", "verify", "prune"]) | FREE)
        return [name, *words[:2], action, *draw(st.lists(st.sampled_from(["--json", "--yes", "--dry-run"]) | FREE))]
    return [name, *words]


def called(words: list[str], folder: Path) -> bool:
    (folder / "run").mkdir()
    write_run(folder / "run", json.loads(judged_run()[0]), judged_run()[1])
    return commands(tuple(words))


@st.composite
def chosen(draw: st.DrawFn) -> dict[str, Any]:
    """What pytest makes of the suite's options, a few of them given."""
    names = {option.name.replace("-", "_"): bool(option.metavar) for option in OPTIONS}
    given = draw(st.lists(st.sampled_from(sorted(names)), max_size=3))
    found: dict[str, Any] = {name: None if takes else False for name, takes in names.items()}
    for name in given:
        found[name] = draw(texts | numbers.map(str)) if names[name] else True
    return found


def read_options(drawn: dict[str, Any], folder: Path) -> bool:
    return taken(lambda: settings_of(Namespace(**drawn), register.the_register(), folder, in_worker=False))


def surfaces() -> Iterator[Surface]:
    """All of them, the fast ones first."""
    yield Surface("any bytes, to every reader of text", 0.05, any_bytes, read_any)
    yield Surface("claims.json, read", 0.1, lambda: changed(judged_run()[0], 3), read_claims)
    yield Surface("evidence.json.gz, checksums right", 0.2, lambda: changed(few_curves(), 3), read_evidence)
    yield Surface("register.toml", 0.12, lambda: changed(json.dumps(REGISTER), 3), read_register)
    yield Surface("windows.json", 0.12, lambda: changed(paper_windows(), 3), read_windows)
    yield Surface("settings of a run", 0.11, settings_text, read_settings)
    yield Surface("options of pytest", 0.1, chosen, read_options)
    yield Surface("arrays in memory", 0.06, given_arrays, read_arrays)
    yield Surface(".npz of images", 0.06, npz, read_npz)
    yield Surface("files of labels", 0.04, label_files, read_labels)
    yield Surface("data sets in their authors' form", 0.01, published_sets, read_published)
    yield Surface("files of a store, checksums right", 0.015, sealed_file, read_store)
    yield Surface("words of sdd-claims", 0.01, command_lines, called)
    yield Surface("rejudge, checksums right", 0.003, sound_evidence, rejudged)
    yield Surface("claims.json: diff, export, report", 0.0015, drawn_claims, shown_claims)
    yield from PAGES


SURFACES = {surface.name: surface for surface in surfaces()}
