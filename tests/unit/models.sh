#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The models of docs/models: each promise holds with all rules, and breaks when a rule is taken out.
. ../lib/ktap.sh

run=../../docs/models/run
command -v spin >/dev/null || t_skip_all 'spin is not installed'

while read -r -a words; do
	case ${words[1]} in
	holds) says='every promise holds' ;;
	*) says="${words[1]} breaks" ;;
	esac
	t "${words[0]}, ${words[*]:3}: $says" "$run" one "${words[@]}"
done < <("$run" list short)
