# SPDX-License-Identifier: GPL-2.0-or-later
"""Test cases that mostly wait, several at a time. A module whose cases share nothing says:

    load_tests = side_by_side.load_tests
"""
import concurrent.futures
import threading
import unittest

AT_ONCE = 4


class Shared(unittest.TestResult):
    """A thread's own result, which tells the common one when its test is over: nothing of two tests mixes."""

    def __init__(self, result, lock):
        super().__init__()
        self.result, self.lock, self.told = result, lock, []

    def startTest(self, test):
        self.told.append(("startTest", test))

    def stopTest(self, test):
        with self.lock:
            for name, *values in [*self.told, ("stopTest", test)]:
                getattr(self.result, name)(*values)
        self.told = []

    def addSuccess(self, test):
        self.told.append(("addSuccess", test))

    def addError(self, test, err):
        self.told.append(("addError", test, err))

    def addFailure(self, test, err):
        self.told.append(("addFailure", test, err))

    def addSkip(self, test, reason):
        self.told.append(("addSkip", test, reason))

    def addSubTest(self, test, subtest, err):
        self.told.append(("addSubTest", test, subtest, err))


class Suite(unittest.TestSuite):
    """Runs its tests in threads."""

    def run(self, result, debug=False):
        lock = threading.Lock()
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            for done in [pool.submit(test.run, Shared(result, lock)) for test in self]:
                done.result()
        return result


def flat(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from flat(test)
        else:
            yield test


def load_tests(_loader, tests, _pattern):
    return Suite(flat(tests))
