"""Judge a published run again from its evidence: `python -m sdd_claims.rejudge reports/published/fast`.

Nothing is trained, unless --retrain asks for it. Every verdict, effect, interval, p, part and control is computed anew
from the curves, by the trials that the claim modules register, and compared with what was published. Exit status 0: all
the same; 1: a difference, in a chain that was trained again too, or a verdict that cannot be judged again; 2: a folder
that holds no judged run.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from sdd_claims.data.datasets import no_such_root
from sdd_claims.errors import InputError, StoreError
from sdd_claims.registration.register import the_register
from sdd_claims.rejudge.again import judged_run, trials_for
from sdd_claims.rejudge.run import rejudge, write_beside
from sdd_claims.report import evidence, numbers


def main(arguments: list[str] | None = None, say: Callable[[str], object] = print) -> int:
    """Judge a folder again, and say for every verdict whether it is as published."""
    parser = argparse.ArgumentParser(
        prog="python -m sdd_claims.rejudge",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("directory", type=Path, help="the folder of a run: claims.json and its evidence")
    parser.add_argument(
        "--rules",
        choices=("published", "today"),
        default="published",
        help="published (default): only by the protocol that judged; today: by the rules and windows of this version",
    )
    parser.add_argument(
        "--retrain",
        type=int,
        default=0,
        metavar="N",
        help="also train N chains again, drawn at random, and compare every number of theirs with the evidence",
    )
    parser.add_argument(
        "--claim", action="append", default=[], metavar="NAME", help="retrain chains of this claim only"
    )
    parser.add_argument("--draw", type=int, default=0, metavar="SEED", help="seed of the draw of chains (default: 0)")
    parser.add_argument("--data-root", type=Path, help="folder of data sets, for --retrain")
    parser.add_argument(
        "--write",
        action="store_true",
        help="write what this version shows beside a verdict into the folder's claims.json, and draw its report again",
    )
    options = parser.parse_args(arguments)
    if options.retrain < 0:
        parser.error(f"--retrain must be a number of chains, got {options.retrain}; give 1 or more")
    if not options.retrain and (options.claim or options.draw or options.data_root):
        parser.error("--claim, --draw and --data-root are about training again; give --retrain N as well")
    try:
        if options.data_root is not None and not options.data_root.is_dir():
            raise no_such_root(f"--data-root {options.data_root}")
        document = judged_run(options.directory)
        trials = trials_for(document)
        if options.retrain and "yours" in document:
            raise InputError(
                "--retrain cannot train a network of your own, of which this folder holds no source; train it again "
                f"into another store: {document['environment']['command']} --store DIR"
            )
        if options.write:
            write_beside(options.directory, trials)
        found = rejudge(options.directory, trials, options.rules)
    except (InputError, StoreError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    for each in found.verdicts:
        if each.claim["verdict"] is None:
            say(f"{each.name}: was not judged")
        elif not each.differences:
            say(f"{each.name}: {each.claim['verdict']}, as published")
        for difference in each.differences:
            say(f"{each.name}: {'DIFFERS' if each.again else 'OPEN'}: {difference}")
    if not found.is_original:
        say(f"DIFFERS: {options.directory / evidence.NAME} is not the file that was published: its SHA-256 is another")
    alpha, registered = found.error_rate
    now = the_register()
    if "yours" not in document and (alpha, registered) != (now.alpha, now.registered):
        say(
            f"note: the run says that it judged at {alpha:g} / {registered}; the register now says {now.alpha:g} / "
            f"{now.registered}"
        )
    try:
        same = options.retrain == 0 or _retrained(options, say)
    except (InputError, StoreError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    again = sum(each.again is not None for each in found.verdicts)
    say(
        f"{numbers.count(again, 'verdict')} judged again from the evidence at {alpha:g} / {registered} each, "
        f"{numbers.count(len(found.differing), 'claim')} with a difference or not judged again"
        + ("" if same else "; chains that were trained again DIFFER, see above")
    )
    return 0 if found.is_as_published and same else 1


def _retrained(options: argparse.Namespace, say: Callable[[str], object]) -> bool:
    """Whether the chains that are trained again come out as published."""
    from sdd_claims.registration.trials import all_trials
    from sdd_claims.rejudge.retrain import audit  # late: reading published verdicts does not need PyTorch

    return audit(
        evidence.read(options.directory),
        [*all_trials().values()],
        options.retrain,
        say,
        claims=options.claim,
        seed=options.draw,
        data_root=options.data_root,
    )


if __name__ == "__main__":
    sys.exit(main())
