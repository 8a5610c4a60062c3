#!/bin/sh
# Sends messages in transactions, and says every ten seconds how fast that goes. -h shows the options.
exec sh "$(dirname "$(readlink -f "$0")")/../bin/mqbench" benchmark tproducer "$@"
