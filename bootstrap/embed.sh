#!/bin/sh
# embed.sh OUTPUT.c INPUT…: each INPUT as a C string named after it: steps/units.sh becomes text_units (see texts.h).
set -eu
output=$1
shift
{
	echo '/* made by embed.sh */'
	echo '#include "bootstrap/texts.h"'
	echo '#pragma GCC diagnostic ignored "-Woverlength-strings"'
	for input in "$@"; do
		name=${input##*/}
		echo "const char text_${name%.sh}[] ="
		# a question mark could begin a trigraph
		sed 's/\\/\\\\/g; s/"/\\"/g; s/?/\\?/g; s/.*/	"&\\n"/' "$input"
		echo '	;'
	done
} >"$output"
