#!/bin/sh
# Starts a name server and a broker of this machine in the background. What they print is in ns.log and bk.log here; mqshutdown stops them.
here=$(dirname "$(readlink -f "$0")")
nohup sh "$here/mqnamesrv" >ns.log 2>&1 </dev/null &
nohup sh "$here/mqbroker" -n 127.0.0.1:9876 >bk.log 2>&1 </dev/null &
echo "Start Name Server and Broker Successfully, 127.0.0.1:9876"
