#!/usr/bin/python3
"""Tests of tests/lab/logtrace.py: the trace is read from the specification and means something."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "..", "lab"))
import logtrace  # noqa: E402
import tap  # noqa: E402

ID = "C2D17964-BBDD-4339-B9F3-12D7205B39CC"
RCV = ["RCV: UPDATE on Update_SyncStatus for SyncNotif_WSyncMgr [SELF][77]",
       "SND: Dropped /r/inboxes/WSyncMgr.box/SELF.SYN [77]"]


def refuses(lines, patterns):
    try:
        logtrace.match(lines, patterns)
    except logtrace.TraceError:
        return True
    return False


@tap.case('/lab/logtrace/reads-the-specification')
def reads_the_specification(_):
    blocks = logtrace.section("2.2")
    assert len(blocks) == 3 and blocks[2][0] == "Wakeup by inbox drop"
    logtrace.match(RCV, blocks[1])


@tap.case('/lab/logtrace/order-matters')
def order_matters(_):
    assert refuses(RCV[::-1], logtrace.section("2.2")[1])


@tap.case('/lab/logtrace/same-number-in-both-lines')
def same_number_in_both_lines(_):
    assert refuses([RCV[0], RCV[1].replace("77", "78")], logtrace.section("2.2")[1])


@tap.case('/lab/logtrace/other-lines-may-stand-between')
def other_lines_may_stand_between(_):
    logtrace.match([RCV[0], "something else", RCV[1]], logtrace.section("2.2")[1])


@tap.case('/lab/logtrace/a-word-that-differs-is-seen')
def a_word_that_differs_is_seen(_):
    assert refuses([RCV[0].replace("UPDATE", "INSERT"), RCV[1]], logtrace.section("2.2")[1])


@tap.case('/lab/logtrace/numbers-are-numbers')
def numbers_are_numbers(_):
    line = "sync: WSUS synchronizing updates, processed 122 out of 130 items (93%), ETA in 00:00:04"
    logtrace.match([line], [logtrace.section("2.4")[0][5]])
    assert refuses([line.replace("122", "many")], [logtrace.section("2.4")[0][5]])


QUEUE = ["main | ~Started package processing thread for package '<PkgID>', thread ID = 0x<hex> (<tid>)",
         "pkg  | Start adding package <PkgID>...",
         "pkg  | ~Exiting package processing thread for package <PkgID>."]


def said(*records):
    """Lines by their threads' numbers."""
    lines = []
    for thread, text in records:
        lines.append(logtrace.Text(text))
        lines[-1].thread = thread
    return lines


def started(thread, package='LAB00001'):
    return f"~Started package processing thread for package '{package}', thread ID = 0x{thread:X} ({thread})"


@tap.case('/lab/logtrace/a-label-is-a-thread-DIST-010')
def a_label_is_a_thread(_):
    add, leave = 'Start adding package LAB00001...', '~Exiting package processing thread for package LAB00001.'
    logtrace.match(said((7, started(9)), (9, add), (9, leave)), QUEUE)
    assert refuses(said((7, started(9)), (9, add), (8, leave)), QUEUE), 'two threads'
    assert refuses(said((7, started(9)), (8, add), (8, leave)), QUEUE), 'another thread than that which was told'
    assert refuses(said((9, started(9)), (9, add), (9, leave)), QUEUE), 'one thread alone'


@tap.case('/lab/logtrace/a-trace-is-one-package-s')
def a_trace_is_one_package_s(_):
    add, leave = 'Start adding package LAB0000%d...', '~Exiting package processing thread for package LAB0000%d.'
    first = [(7, started(9)), (9, add % 1)]
    second = [(7, started(8, 'LAB00002')), (8, add % 2), (8, leave % 2)]
    assert refuses(said(*first, *second), [line.replace('<PkgID>', 'LAB00001') for line in QUEUE])
    # Nobody said which: the second is whole.
    bound = {}
    logtrace.match(said(*first, *second), QUEUE, bound=bound)
    assert bound['PkgID'] == 'LAB00002', bound


tap.main()
