#!/usr/bin/python3
"""The logs of the whole road of one scan, over real programs, against the acceptance trace (C3): policy, location,
scan, state message, management point, StateSys, summary. Patterns are read from docs/spec/93-logs.md."""
import logtrace
import oneclient
import tap

# Log, section and block, in the order of the road.
ROAD = [
    ('SMSDBMON.log', '4.1', 0), ('PolicyPv.log', '4.1', 1),
    ('PolicyAgent.log', '4.2', 0), ('PolicyEvaluator.log', '4.2', 1), ('ScanAgent.log', '4.2', 2),
    ('ScanAgent.log', '5.1', 0), ('LocationServices.log', '5.1', 1), ('CcmMessaging.log', '5.1', 2),
    ('MP_Location.log', '5.2', 0), ('CcmMessaging.log', '5.2', 1), ('LocationServices.log', '5.2', 2),
    ('ScanAgent.log', '5.3', 0), ('WUAHandler.log', '5.3', 1),
    ('UpdatesStore.log', '6.3', 0), ('StateMessage.log', '6.3', 1),
    ('StateMessage.log', '7.1', 0), ('CcmMessaging.log', '7.1', 1),
    ('mp-access.log', '7.2', 0), ('MP_Relay.log', '7.2', 1), ('StateSys.log', '7.3', 0), ('StateSys.log', '7.4', 0),
]


@tap.case('/flow/road-logs/each-section-in-order-COMP-008-COMP-031-COMP-037-COMP-053-COMP-061-COMP-066-COMP-074')
def road(t):
    w = oneclient.World(t, 'log.verbose=*', 'statesys.pause_seconds=10')
    w.registered()
    w.sync()
    w.policy()
    # A policy that changes is told otherwise than one that is new.
    w.publish('7.88.1-12')
    w.sync()
    w.policy()
    w.scan()
    w.site.run('summarize', 'run', 'updates')
    w.site.wait_log('StateSys.log', "Task 'SUM Update Status Summarizer' completed successfully")
    failures = []
    for name, number, block in ROAD:
        try:
            # One record, and port 443, are those of the sample.
            patterns = [line.replace('Processed 1 records', 'Processed <n> records').replace(' 443 ', ' <port> ')
                        for line in logtrace.section(number)[block]]
            logtrace.match(logtrace.texts(w.site.path('var/log/upkeep', name)), patterns, name)
        except logtrace.TraceError as error:
            failures.append(f'{number}/{block} {error}')
    t.equal(failures, [], '\n'.join(failures))
    # Pruning needs something to prune; which update comes first is the catalogue's affair.
    for other in ('Installed', 'Missing'):
        patterns = [line for line in logtrace.section('6.1')[0] if not line.startswith(('Pruning', f'Update ({other}'))]
        logtrace.match(logtrace.texts(w.site.path('var/log/upkeep/WUAHandler.log')), patterns, 'WUAHandler.log')


tap.main()
