#!/usr/bin/env bash
# Makes story.gguf again, to the last bit: documents, vocabulary, training. About 75 minutes on two cores; what
# was interrupted goes on when it is called again.
# Usage: rebuild.sh BIN_FOLDER WORK_FOLDER, for instance rebuild.sh build/release/bin build/story
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
bin=$(cd "$1" && pwd)
mkdir -p "$2"
cd "$2"

# Goes on where it stopped; a model that is there already is left as it is.
train() {
  local model=$1 config=$2 resume=()
  [[ -e $model ]] && return
  [[ -e $model.checkpoint ]] && resume=(--resume)
  "$bin/garam" train "$config" "${resume[@]}"
}

"$bin/garam-story-data" "$here/patterns" data.jsonl 260000 1
"$bin/garam-story-data" "$here/patterns" whose.jsonl 62000 3 whose
"$bin/garam-story-data" "$here/patterns" end.jsonl 30000 4 end
"$bin/garam-story-data" "$here/patterns" held-out.jsonl 800 2
"$bin/garam" train-tokenizer --vocab-size 3072 --max-token-bytes 9 --special "<|endoftext|>" --special "<|user|>" --special "<|assistant|>" \
  --chat-template-file "$here/chat_template.jinja" -o vocabulary.gguf data.jsonl
train begin.gguf "$here/train.json"
train whose.gguf "$here/train-whose.json"
train story.gguf "$here/train-end.json"
sha256sum story.gguf
