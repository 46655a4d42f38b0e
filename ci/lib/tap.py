# SPDX-License-Identifier: MIT
"""TAP, as Meson and results.py read it, for checks and tests in Python."""


class Skip(Exception):
    """Why a test cannot be run"""


class Tap:
    """The number of tests is printed last where it is not known before."""

    def __init__(self, plan=None):
        self.plan, self.count, self.failed = plan, 0, False
        if plan is not None:
            print(f'1..{plan}', flush=True)

    def check(self, good, name, *remarks):
        """Remarks, of any number of lines, are for a test that fails."""
        self.count += 1
        if not good:
            self.failed = True
            for remark in remarks:
                for line in str(remark).splitlines():
                    print('#', line)
        print(f'{"" if good else "not "}ok {self.count} - {name}', flush=True)
        return bool(good)

    def skip(self, name, why):
        self.count += 1
        print(f'ok {self.count} - {name} # SKIP {why}', flush=True)

    def end(self):
        """The exit status of the program"""
        if self.plan is None:
            print(f'1..{self.count}')
        return 1 if self.failed else 0


def report(results):
    """(name, what is wrong) each. The exit status."""
    tap = Tap(len(results))
    for name, wrong in results:
        tap.check(not wrong, name, *wrong)
    return tap.end()


def run(tests, *arguments):
    """Functions that raise what is wrong, or Skip. The exit status."""
    tap = Tap(len(tests))
    for test in tests:
        try:
            test(*arguments)
            tap.check(True, test.__name__)
        except Skip as e:
            tap.skip(test.__name__, e)
        # Whatever it is, the others are run all the same.
        except Exception as e:
            tap.check(False, test.__name__, f'{type(e).__name__}: {e}')
    return tap.end()


def skip_all(why):
    """No test can be run. The exit status."""
    print(f'1..0 # SKIP {why}')
    return 0
