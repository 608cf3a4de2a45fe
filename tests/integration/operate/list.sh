# shellcheck shell=bash
# davit node list; sourced by operate.sh

test_list() {
	davit 0 node list
	is 'a table' "$(
		cat <<-TABLE
			NAME           ROLE          POOL          ZONE ADDRESS    SERVER  KUBERNETES        VERSION AGE
			demo-cp-1      control-plane control-plane -    127.0.1.10 made    Ready             v1.36.3 3d
			demo-gpu-a-1   worker        gpu-a         -    127.0.1.22 made    NotJoined         -       -
			demo-gpu-a-2   worker        gpu-a         -    127.0.1.23 planned NotJoined         -       -
			demo-workers-1 worker        workers       az-1 127.0.1.20 made    Ready             v1.36.3 3d
			demo-workers-2 worker        workers       az-2 127.0.1.21 made    NotReady,cordoned v1.36.3 3d
			demo-registry  registry      registry      -    127.0.1.4  made    -                 -       -
		TABLE
	)"
	davit 0 node list -o json
	has 'what is cordoned' '[x["name"] for x in o["nodes"] if x.get("cordoned")]' "['demo-workers-2']"
	has 'what is Ready' '[x["name"] for x in o["nodes"] if x.get("ready")]' "['demo-cp-1', 'demo-workers-1']"
}

test_list_without_the_api() {
	touch fake/api-is-away
	davit 0 node list
	says 'demo-workers-1 worker        workers       az-1 127.0.1.20 made    Unknown' 'Kubernetes was not asked' 'has no API server now'
	davit 0 node list -o json
	has 'why there is no answer' '"has no API server now" in o["unanswered"]' True
	rm fake/api-is-away
}
