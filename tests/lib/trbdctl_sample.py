# SPDX-License-Identifier: GPL-2.0
"""A gateway as a folder: the files that the module has in configfs, debugfs and /sys/module.

    trbdctl_sample.py FOLDER    make it, for people
"""

import os
import sys

CORE = 'sys/kernel/config/target/core/'
DEBUG = 'sys/kernel/debug/target_core_rbd/'
IQN = 'iqn.2026-11.com.example:disk1'
INFO = ('Status: ACTIVATED  Max Queue Depth: 128  SectorSize: 512  HwMaxSectors: 8192\n'
        '        Pool: %s Namespace: %s Image: %s Snap: %s Id: gw ImageId: 10ab3c Fsid: 1b2c-3d Size: 1073741824 '
        'ObjectSize: 4194304 StripeUnit: 4194304 StripeCount: 1 State: %s Fallbacks: 7 Stale: 6 Late: 5 Shared: 4 \n')
CLOSED = ('Status: DEACTIVATED  Max Queue Depth: 0  SectorSize: 0  HwMaxSectors: 0\n'
          '        Pool: rbd Namespace: - Image: disk3 Snap: - Id: gw \n')
GROUP = ('slot 0 lease_ms 4321 window_ms 4000 gateways 3 silent 1 out_of_touch 2\n'
         'object target_core_rbd.group held answered_ms 120\n'
         '0 gw1 self last_heartbeat_ms 300\n'
         '1 gw2 alive last_heartbeat_ms 500\n'
         '2 gw3 silent last_heartbeat_ms 61000\n')
RESERVATIONS = ('id 3 serving generation 17 settled 17 resets 0 in_flight 2 draining 0\n'
                'pr_generation 4 aptpl 1 registrations 2\n'
                'type 5\n'
                'holder 0x00000000000000a1 %s,t,0x0001 iqn.1998-01.com.vmware:esx1,i,0x1\n'
                'unit_attention 29/00 %s,t,0x0001 iqn.1998-01.com.vmware:esx2,i,0x2\n'
                'registered 0x00000000000000a2 %s,t,0x0002 iqn.1998-01.com.vmware:esx2,i,0x2\n' % (IQN, IQN, IQN))
PORTS = ('serving in_flight 2\n'
         'group 1 active gw1\n'
         'group 2 standby gw2\n'
         'group 3 unavailable gw3\n'
         'port 1 1 %s,t,0x0001\n'
         'port 2 2 %s,t,0x0002\n'
         'port 3 3 %s,t,0x0003\n' % (IQN, IQN, IQN))
COUNTERS = ('reads 80000\nread_bytes 327680000\nwrites 40000\nwrite_bytes 163840000\nunmaps 12\nunmap_bytes 50331648\n'
            'write_sames 3\ncompare_and_writes 250\nmiscompares 9\nreservations_out 21\ngood 120200\nbusy 4\nconflicts 6\n'
            'check_not_ready 2\ncheck_medium_error 1\ncheck_data_protect 3\n')
SESSION = ('heartbeats 86400\nheartbeats_late 14\nleases_lost 2\nfences_of_us 1\nfences_by_us 3\nrecoveries 1\n'
           'give_ups 1\nstalls 2\nproofs_failed 1\n')
LATENCY = ('read 256 10000\nread 512 60000\nread 1024 9200\nread 16384 799\nread +Inf 1\nread sum 41000000\n'
           'write 512 100\nwrite 1024 30000\nwrite 2048 9500\nwrite 4096 400\nwrite sum 48000000\n'
           'reservation 8192 20\nreservation 32768 1\nreservation sum 130000\n')
VERSIONS = {'version': '1.0.0\n', 'srcversion': 'AB12CD34\n'}


def write(folder, name, text):
    path = os.path.join(folder, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'w', encoding='utf-8') as file:
        file.write(text)


def unit(folder, hba, name, info, texts):
    """Write a unit that is open; texts go to debugfs."""
    write(folder, '%s%s/%s/info' % (CORE, hba, name), info)
    for key, text in texts.items():
        write(folder, '%s%s.%s/%s' % (DEBUG, hba, name, key), text)


def texts(**changed):
    return {'gateway_group': GROUP, 'reservations': RESERVATIONS, 'ports': PORTS, 'counters': COUNTERS, 'session': SESSION,
            'latency': LATENCY, **changed}


def make(folder):
    """Make a gateway with a unit that serves, one that is drained, and one that is closed."""
    unit(folder, 'rbd_0', 'disk1', INFO % ('rbd', '-', 'disk1', '-', 'open'), texts())
    unit(folder, 'rbd_1', 'disk2', INFO % ('rbd', 'tenant', 'disk2', '-', 'open'),
         texts(reservations='id 3 blocked generation 2 settled 2 resets 0 in_flight 0 draining 0\npr_generation 0 aptpl 0 registrations 0\n',
               ports='drained in_flight 0\ngroup 1 standby gw1\ngroup 2 active gw2\nport 1 1 %s,t,0x0001\nport 2 2 %s,t,0x0002\n' % (IQN, IQN),
               latency='read 512 90\nread sum 20000\n'))
    write(folder, CORE + 'rbd_2/disk3/info', CLOSED)
    write(folder, CORE + 'iblock_0/other/info', 'Status: ACTIVATED\n')
    for name, text in VERSIONS.items():
        write(folder, 'sys/module/target_core_rbd/' + name, text)


if __name__ == '__main__':
    make(sys.argv[1])
