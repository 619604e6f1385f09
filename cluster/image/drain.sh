#!/bin/sh
# Before a machine goes (a spot instance that is taken back, a pod that is scaled away): let Ray start
# nothing more here, give what runs the time that is left, then stop.
#
#   drain [SECONDS]
#
# What is not done in time is done again elsewhere; nothing depends on this having worked. A machine
# that the autoscaler has drained already is not waited for: it refuses to be drained again.
seconds=${1:-60}
if ray drain-node --reason DRAIN_NODE_REASON_PREEMPTION --reason-message "the machine goes" \
  --deadline-remaining-seconds "$seconds"; then
  sleep "$seconds"
fi
exec ray stop --grace-period 10
