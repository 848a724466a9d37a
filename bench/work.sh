#!/bin/bash
# work.sh - the works of limit.c that are no networks, by ip(8); writes "WHAT SECONDS"
#   bench/work.sh routes N | list N | exec N
set -euo pipefail
what=$1 n=$2

timed() {
	local name=$1 start=${EPOCHREALTIME/./}
	shift
	"$@"
	echo "$name $((${EPOCHREALTIME/./} - start))" | awk '{ printf "%s %.6f\n", $1, $2 / 1e6 }'
}

case $what in
routes)
	ip link add eth0 up type veth peer name eth1
	ip link set eth1 up
	ip addr add 10.0.0.1/24 dev eth0
	file=$(mktemp)
	trap 'rm -f "$file"' EXIT
	awk -v n="$n" 'BEGIN { for (i = 0; i < n; i++)
		printf "route add 20.%d.%d.%d via 10.0.0.2 dev eth0\n", i / 65536, i / 256 % 256, i % 256 }' >"$file"
	timed add ip -batch "$file"
	timed dump sh -c 'ip -j route >/dev/null'
	sed -i s/add/del/ "$file"
	timed del ip -batch "$file"
	;;
list)
	awk -v n="$n" 'BEGIN { for (i = 0; i < n / 2; i++) {
		printf "link add a%d up type veth peer name b%d\nlink set b%d up\n", i, i, i
		printf "addr add 10.2.%d.%d/30 dev a%d\n", i * 4 / 256, i * 4 % 256 + 1, i
		printf "addr add 10.3.%d.%d/30 dev b%d\n", i * 4 / 256, i * 4 % 256 + 1, i } }' | ip -batch -
	timed list sh -c 'ip -j addr >/dev/null'
	;;
exec)
	ip netns add x
	each() { for ((i = 0; i < n; i++)); do ip netns exec x /bin/true; done; }
	timed exec each | awk -v n="$n" '{ printf "run %.6f\n", $2 / n }'
	;;
esac
