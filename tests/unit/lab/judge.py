"""Tests of tests/lab/aptjudge.py: which source and version a stanza belongs to."""
import aptjudge
import tap


@tap.case('/lab/aptjudge/source-of-a-stanza')
def source_of(t):
    for stanza, expected in (
            ({'Package': 'tzdata', 'Version': '1'}, ('tzdata', '1')),
            ({'Package': 'libssl3', 'Version': '3', 'Source': 'openssl'}, ('openssl', '3')),
            ({'Package': 'a', 'Version': '1:2+b1', 'Source': 'b (2-1)'}, ('b', '2-1'))):
        t.equal(aptjudge.source_of(stanza), expected)


tap.main()
