#!/bin/sh
# RabbitMQ in a folder of its own: rabbitmq.sh PORT FOLDER. Its port mapper ends with it.
export HOME="$2" ERL_CRASH_DUMP="$2/crash"
export RABBITMQ_NODENAME="wireproof$1@localhost" RABBITMQ_DIST_PORT="$((32768 - $1 % 20000))"
export RABBITMQ_MNESIA_BASE="$2/base" RABBITMQ_LOG_BASE="$2/log" RABBITMQ_LOGS=-
export RABBITMQ_CONFIG_FILE="$2/rabbitmq.conf" RABBITMQ_ENABLED_PLUGINS_FILE="$2/enabled_plugins"
epmd -address 127.0.0.1 > /dev/null 2>&1 & # one that runs already will do
exec /usr/lib/rabbitmq/bin/rabbitmq-server
