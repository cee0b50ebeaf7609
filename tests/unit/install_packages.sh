#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# scripts/install-packages shows its progress while it installs: an apt-get of our own stops
# half-way until somebody has seen how far it is. When apt-get fails, its output is shown.
. ../lib/ktap.sh

work=$(mktemp -d)
t_atexit "rm -rf '$work'"
mkdir "$work/bin"
export FAKE=$work
cat >"$work/bin/apt-get" <<'SCRIPT'
#!/bin/bash
case " $* " in
*' update '*) exit ;;
*) echo "$*" >"$FAKE/asked" ;;
esac
[ ! -e "$FAKE/fail" ] || { echo 'E: no space left'; exit 100; }
echo 'Need to get 1,234 MB of archives.'
for i in {1..45}; do echo "Get:$i mirror bookworm/main amd64 p$i amd64 1-1 [9 kB]"; done
for i in {1..300}; do
	[ ! -e "$FAKE/seen" ] || break
	sleep 0.1
done
[ -e "$FAKE/seen" ] || exit 1
for i in {1..45}; do echo "Unpacking p$i (1-1) ..."; done
for i in {1..45}; do echo "Setting up p$i (1-1) ..."; done
SCRIPT
echo 'exit 0' >"$work/bin/dpkg-query"
echo 'echo 0' >"$work/bin/id"
sed -i '1!b;/^#!/!s|^|#!/bin/sh\n|' "$work"/bin/{dpkg-query,id}
chmod +x "$work"/bin/*
printf '%s\n' 'p1 p2 # why' >"$work/list"

install() { PATH="$work/bin:$PATH" ../../scripts/install-packages "$work/list"; }

{
	install >"$work/out" 2>&1
	echo $? >"$work/status"
} &
pid=$!
t_atexit "t_kill $pid"
t 'it says how far it is while apt-get runs' t_until 20 grep -q '40 files fetched' "$work/out"
touch "$work/seen"
wait $pid
t_is 'it ends well' "$(cat "$work/status")" 0
t_like 'it asked for what is in the list' "$(cat "$work/asked")" '^.* install --no-install-recommends p1 p2$'
t_like 'it said how much there is to fetch' "$(cat "$work/out")" '1,234 MB'
t_like 'and when packages were set up' "$(cat "$work/out")" '40 packages set up'
t 'not a line for each' test "$(wc -l <"$work/out")" -lt 20
touch "$work/fail"
t_says 'the output of apt-get is shown when it fails' 'no space left.*apt-get install failed' install
