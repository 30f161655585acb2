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


tap.main()
