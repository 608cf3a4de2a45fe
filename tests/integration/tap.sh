# shellcheck shell=bash
# What tests of scripts say, in the Test Anything Protocol; sourced.

# verdict NAME [WHAT-IS-WRONG…]
declare -i number=0
verdict() {
	number+=1
	if (($# == 1)); then
		echo "ok $number - $1"
	else
		echo "not ok $number - $1"
		printf '# %s\n' "${@:2}"
	fi
}
