"""``insight-frames completion bash|zsh``: completion for a shell, written from the parser of all commands.

The script holds every word itself, so that pressing the tab key starts no Python.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass

from . import Command

_FILES = ("FILE", "FOLDER", "PATH", "OLD", "NEW", "@FILE")


@dataclass(frozen=True)
class Words:
    """What may stand behind one command."""

    name: str
    about: str
    options: list[argparse.Action]
    places: list[argparse.Action]


def _run(options: argparse.Namespace) -> int:
    print({"bash": bash, "zsh": zsh}[options.shell](list(words(options.whole))), end="")
    return 0


def words(parser: argparse.ArgumentParser) -> Iterator[Words]:
    """Give what each command takes."""
    (commands,) = (one for one in parser._actions if isinstance(one, argparse._SubParsersAction))
    about = {one.dest: one.help or "" for one in commands._choices_actions}
    for name, one in commands.choices.items():
        actions = [action for action in one._actions if action.help != argparse.SUPPRESS]
        options = [action for action in actions if action.option_strings]
        yield Words(name, about[name], options, [action for action in actions if not action.option_strings])


def _takes_file(action: argparse.Action) -> bool:
    return str(action.metavar) in _FILES


def bash(commands: list[Words]) -> str:
    """Write the script for bash 3.2 and later."""
    lines = [
        "# bash completion of insight-frames; source <(insight-frames completion bash)",
        "_insight_frames() {",
        '  local word="${COMP_WORDS[COMP_CWORD]}" before="${COMP_WORDS[COMP_CWORD-1]}" command="${COMP_WORDS[1]}"',
        '  local options="" values="" files=""',
        "  COMPREPLY=()",
        '  if [ "$COMP_CWORD" -eq 1 ]; then',
        f'    COMPREPLY=($(compgen -W "{" ".join(one.name for one in commands)} --help --version" -- "$word"))',
        "    return",
        "  fi",
        '  case "$command" in',
    ]
    for one in commands:
        lines.append(f"    {one.name})")
        lines.append(f'      options="{" ".join(name for option in one.options for name in option.option_strings)}"')
        choices = [str(choice) for place in one.places for choice in place.choices or ()]
        lines += [f'      values="{" ".join(choices)}"'] if choices else []
        lines += ["      files=yes"] if any(map(_takes_file, one.places)) else []
        lines += ['      case "$before" in', *_bash_values(one.options), "      esac", "      ;;"]
    lines += [
        "  esac",
        '  case "$word" in',
        '    -*) COMPREPLY=($(compgen -W "$options" -- "$word")) ;;',
        '    *) if [ -n "$values" ]; then COMPREPLY=($(compgen -W "$values" -- "$word"));',
        '       elif [ -n "$files" ]; then COMPREPLY=($(compgen -f -- "$word")); fi ;;',
        "  esac",
        "}",
        "complete -o filenames -o bashdefault -F _insight_frames insight-frames",
    ]
    return "\n".join(lines) + "\n"


def _bash_values(options: list[argparse.Action]) -> Iterator[str]:
    for option in options:
        names = "|".join(option.option_strings)
        if option.choices:
            choices = " ".join(map(str, option.choices))
            yield f'        {names}) COMPREPLY=($(compgen -W "{choices}" -- "$word")); return ;;'
        elif _takes_file(option):
            yield f'        {names}) COMPREPLY=($(compgen -f -- "$word")); return ;;'
        elif option.nargs != 0:
            yield f"        {names}) return ;;"


def zsh(commands: list[Words]) -> str:
    """Write the script for zsh."""
    lines = [
        "#compdef insight-frames",
        "# zsh completion of insight-frames; a file _insight-frames in a folder of $fpath, or source it",
        "_insight_frames() {",
        "  local -a commands",
        "  commands=(",
        *(f"    {_quoted(f'{one.name}:{one.about}')}" for one in commands),
        "  )",
        "  if (( CURRENT == 2 )); then",
        "    _describe command commands",
        "    return",
        "  fi",
        "  local command=$words[2]",
        "  shift words; (( CURRENT-- ))",
        '  case "$command" in',
    ]
    for one in commands:
        rest = [*map(_zsh_option, one.options), *map(_zsh_place, one.places)]
        lines += [f"    {one.name})", "      _arguments -s \\"]
        lines += [f"        {text} \\" for text in rest[:-1]]
        lines += [f"        {rest[-1]}", "      ;;"]
    lines += [
        "  esac",
        "}",
        'if [ "$funcstack[1]" = "_insight-frames" ]; then',  # loaded from $fpath, as its first use
        '  _insight_frames "$@"',
        "else",
        "  compdef _insight_frames insight-frames",
        "fi",
    ]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def _zsh_option(option: argparse.Action) -> str:
    names, several = option.option_strings, isinstance(option, argparse._AppendAction)
    about = (option.help or "").replace("[", "\\[").replace("]", "\\]").replace(":", "\\:")
    value = "" if option.nargs == 0 else f":{option.dest}:{_zsh_values(option)}"
    told = f"[{about}]{value}"
    if len(names) > 1:
        return f"'({' '.join(names)})'{{{','.join(names)}}}{_quoted(told)}"
    return _quoted(f"{'*' if several else ''}{names[0]}{told}")


def _zsh_place(place: argparse.Action) -> str:
    return _quoted(f":{place.metavar or place.dest}:{_zsh_values(place)}")


def _zsh_values(action: argparse.Action) -> str:
    if action.choices:
        return f"({' '.join(map(str, action.choices))})"
    return "_files" if _takes_file(action) else ""


def _words(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=("bash", "zsh"), help="which shell")


COMMANDS = [
    Command(
        "completion",
        "print the completion of commands and options for bash or zsh",
        "Print a script that lets the tab key complete commands, options and files.",
        "  source <(insight-frames completion bash)                      # in ~/.bashrc\n"
        "  insight-frames completion zsh > ~/.zfunc/_insight-frames      # a folder of $fpath",
        _words,
        _run,
    )
]
