#!/bin/sh
# ejabberd's MQTT broker in a folder of its own: ejabberd.sh PORT FOLDER. Anybody may log in.
export HOME="$2" ERL_CRASH_DUMP="$2/crash"
paths=$(ls -d /usr/lib/*/ejabberd*/ebin /usr/lib/*/erlang/lib/*/ebin /usr/lib/*/erlang-*/ebin 2> /dev/null)
epmd -address 127.0.0.1 > /dev/null 2>&1 & # one that runs already will do
# shellcheck disable=SC2086 # a word for each path
exec erl -noinput -sname "ejabberd$1@localhost" -pa $paths -mnesia dir "\"$2/base\"" \
  -ejabberd config "\"$2/ejabberd.yml\"" log_path "\"$2/log\"" -s ejabberd
