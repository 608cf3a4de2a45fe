#!/bin/sh
# embed.sh OUTPUT FILE…: the table of templates, each FILE as a C string under its name below the folder templates/.
set -eu
LC_ALL=C
export LC_ALL
output=$1
shift
{
	echo '/* made by embed.sh */'
	echo '#include "manifests/template.h"'
	echo '#pragma GCC diagnostic ignored "-Woverlength-strings"'
	echo 'const struct template_file templates[] = {'
	for file in "$@"; do
		echo "	{\"${file##*/templates/}\","
		sed 's/\\/\\\\/g; s/"/\\"/g; s/.*/	 "&\\n"/' "$file"
		echo '	},'
	done
	echo '};'
	echo 'const size_t templates_n = sizeof(templates) / sizeof(templates[0]);'
} >"$output"
