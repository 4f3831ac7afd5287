# Runs a PostgreSQL server for as long as standard input stays open: the test process holds the
# other end, so the server ends with it however it ends.
# Arguments: folder, folder of PostgreSQL's programs, user to run as ("" = this one), settings.
dir=$1
bin=$2
user=$3
shift 3
# Signals for the test process must not stop the clean-up.
trap : INT TERM HUP
if [ -n "$user" ]; then
    as="setpriv --reuid=$user --regid=$user --clear-groups --"
else
    as=
fi
cd "$dir" || exit 1
if ! $as "$bin/initdb" -D "$dir/data" -U postgres -A trust -E UTF8 --locale=C --no-sync \
    >"$dir/log" 2>&1 </dev/null; then
    cat "$dir/log"
    cd /
    rm -rf "$dir"
    exit 1
fi
(exec $as "$bin/postgres" -D "$dir/data" -k "$dir" "$@") >>"$dir/log" 2>&1 </dev/null &
server=$!
# Ends when the test process closes its end, or says so.
cat >/dev/null
kill -INT "$server" 2>/dev/null
wait "$server"
cd /
rm -rf "$dir"
