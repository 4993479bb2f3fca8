#!/bin/sh
# ActiveMQ in memory, which speaks STOMP alone: activemq.sh PORT FOLDER.
home=/usr/share/activemq
exec java -Xmx256m -Djava.io.tmpdir="$2" -Dactivemq.home=$home -Dactivemq.base="$2" \
  -Dactivemq.data="$2" -Dactivemq.conf="$2" -jar $home/bin/activemq.jar \
  start "broker:(stomp://127.0.0.1:$1)?persistent=false&useJmx=false&brokerName=wireproof$1"
