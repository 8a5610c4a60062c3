import RMQCommon

/// The completion scripts, made from what the commands declare.
///
/// The scripts of bash and zsh know, for each command, its options, and which of them take names; the names come from
/// `mqadmin completion topics` and its like, asked of the name servers of the line so far.
struct CompletionScript {
    enum Shell: String, CaseIterable {
        case bash, zsh, fish
    }

    /// A command as the scripts see it.
    struct Command {
        var name: String
        var summary: String
        var options: [CommandOption]
        /// What the bare word behind it is.
        var operand: CompletedName?
    }

    private let commands: [Command]

    init(commands: [any AdminCommand]) {
        self.commands = commands.map { command in
            Command(
                name: command.name, summary: command.summary, options: command.allOptions,
                operand: command is TailCommand ? .topics : nil)
        }
    }

    func text(for shell: Shell) -> String {
        switch shell {
        case .bash: Self.bashHead + functions + Self.bashBody
        case .zsh: Self.zshHead + functions + zshDescriptions + Self.zshBody
        case .fish: Self.fishHead + fishRows
        }
    }

    // MARK: What bash and zsh share

    /// Functions in what both shells understand: the commands, the options of one, and what a word behind another one is.
    private var functions: String {
        "_mqadmin_commands() {\n    echo \(Self.quoted(commands.map(\.name).joined(separator: " ")))\n}\n"
            + "_mqadmin_options() {\n    case $1 in\n"
            + commands.map { "    \($0.name)) echo \(Self.quoted(Self.words(of: $0)));;\n" }.joined()
            + "    esac\n}\n_mqadmin_kind() {\n    case \"$1 $2\" in\n"
            + CompletedName.allCases.filter { !patterns($0).isEmpty }
                .map { "    \(patterns($0).joined(separator: "|"))) echo \($0.rawValue);;\n" }.joined()
            + "    esac\n}\n"
    }

    /// Everything that begins with a dash.
    private static func words(of command: Command) -> String {
        (command.options.flatMap(forms) + ToolOptions.names).joined(separator: " ")
    }

    /// `'topicRoute -t'`: where names of this kind are taken.
    private func patterns(_ kind: CompletedName) -> [String] {
        commands.flatMap { command in
            let options = command.options.filter { CompletedName($0) == kind }.flatMap(Self.forms)
            return (options + (command.operand == kind ? [command.name] : [])).map { Self.quoted(command.name + " " + $0) }
        }
    }

    /// As it can be typed: a long name with a blank cannot.
    private static func forms(_ option: CommandOption) -> [String] {
        ["-\(option.short)"] + (option.long.contains(ascii: " ") ? [] : ["--\(option.long)"])
    }

    /// One word of a shell, whatever is in it.
    private static func quoted(_ text: String) -> String { "'" + text.split(ascii: "'", keepingEmpty: true).joined(separator: "'\\''") + "'" }

    // MARK: bash

    private static let bashHead = """
        # Completion of mqadmin in bash. In ~/.bashrc:  eval "$(mqadmin completion bash)"

        """

    /// The words are taken from the line itself: bash cuts those in `COMP_WORDS` at colons, which addresses have.
    private static let bashBody = #"""
        _mqadmin() {
            local before=${COMP_LINE:0:COMP_POINT} line last current previous kind servers= words= word i
            read -ra line <<< "$before"
            [[ $before == *[[:space:]] ]] && line+=("")
            last=$(( ${#line[@]} - 1 )) current=${line[last]} previous=${line[last - 1]}
            COMPREPLY=()
            if (( last == 1 )) || [[ $last == 2 && ${line[1]} == help ]]; then
                words=$(_mqadmin_commands)
                (( last == 1 )) && words+=" help"
            elif [[ $last == 2 && ${line[1]} == completion ]]; then
                words="bash zsh fish"
            else
                for (( i = 2; i < last; i++ )); do
                    case ${line[i]} in -n|--namesrvAddr) servers=${line[i + 1]//[\"\']/};; esac
                done
                kind=$(_mqadmin_kind "${line[1]}" "$previous")
                if [[ $current == -* ]]; then
                    words=$(_mqadmin_options "${line[1]}")
                elif [[ $kind ]]; then
                    words=$("${line[0]}" completion "$kind" ${servers:+-n "$servers"} 2>/dev/null)
                elif [[ $previous != -* ]]; then
                    words=$(_mqadmin_options "${line[1]}")
                fi
            fi
            while read -r word; do
                if [[ $word && $word == "$current"* ]]; then
                    printf -v word %q "$word"
                    # What stands before a colon is on the line already.
                    [[ $current == *:* && $COMP_WORDBREAKS == *:* ]] && word=${word#"${current%"${current##*:}"}"}
                    COMPREPLY+=("$word")
                fi
            done <<< "${words// /$'\n'}"
        }
        complete -o default -F _mqadmin mqadmin

        """#

    // MARK: zsh

    private static let zshHead = """
        #compdef mqadmin
        # Completion of mqadmin in zsh: as _mqadmin in a folder of $fpath, or in ~/.zshrc behind compinit:  source <(mqadmin completion zsh)

        """

    private var zshDescriptions: String {
        "_mqadmin_descriptions=(\n" + commands.map { command in
            let summary = command.summary.split(ascii: ":", keepingEmpty: true).joined(separator: "\\:")
            return "    \(Self.quoted(command.name + ":" + summary))\n"
        }.joined() + ")\n"
    }

    private static let zshBody = #"""
        _mqadmin() {
            local kind servers i
            local -a found
            if (( CURRENT == 2 )) || [[ $CURRENT == 3 && $words[2] == help ]]; then
                _describe command _mqadmin_descriptions
            elif [[ $CURRENT == 3 && $words[2] == completion ]]; then
                compadd bash zsh fish
            else
                for (( i = 3; i < CURRENT; i++ )); do
                    case $words[i] in -n|--namesrvAddr) servers=${(Q)words[i + 1]};; esac
                done
                kind=$(_mqadmin_kind "$words[2]" "$words[CURRENT - 1]")
                if [[ $PREFIX == -* ]]; then
                    compadd -- ${=$(_mqadmin_options "$words[2]")}
                elif [[ -n $kind ]]; then
                    found=("${(@f)$($words[1] completion $kind ${servers:+-n} ${servers:+$servers} 2>/dev/null)}")
                    compadd -a found
                elif [[ $words[CURRENT - 1] != -* ]]; then
                    compadd -- ${=$(_mqadmin_options "$words[2]")}
                else
                    _files
                fi
            fi
        }
        # A file of $fpath is read at the first completion, which is then still to be made.
        if [[ $funcstack[1] == _mqadmin ]]; then _mqadmin "$@"; else compdef _mqadmin mqadmin; fi

        """#

    // MARK: fish

    private static let fishHead = #"""
        # Completion of mqadmin in fish:  mqadmin completion fish > ~/.config/fish/completions/mqadmin.fish
        function __mqadmin_names
            set -l words (commandline -opc)
            set -l servers
            for i in (seq (count $words))
                switch $words[$i]
                    case -n --namesrvAddr
                        set servers -n $words[(math $i + 1)]
                end
            end
            mqadmin completion $argv[1] $servers 2>/dev/null
        end
        complete -c mqadmin -f
        complete -c mqadmin -n __fish_use_subcommand -a help -d 'Show what a command takes'
        complete -c mqadmin -n '__fish_seen_subcommand_from completion' -a 'bash zsh fish'

        """#

    private var fishRows: String {
        commands.map { command in
            let start = "complete -c mqadmin -n '__fish_seen_subcommand_from \(command.name)'"
            let operand = command.operand.map { "\(start) -a '(__mqadmin_names \($0.rawValue))'\n" } ?? ""
            return "complete -c mqadmin -n __fish_use_subcommand -a \(command.name) -d \(Self.quoted(command.summary))\n" + operand
                + command.options.map { "\(start) \(Self.fishOption($0))\n" }.joined()
        }.joined() + ToolOptions.names.map { "complete -c mqadmin -l \($0.droppingBytePrefix("--") ?? $0)\n" }.joined()
    }

    private static func fishOption(_ option: CommandOption) -> String {
        let long = option.long.contains(ascii: " ") ? "" : " -l \(option.long)"
        let value = if let kind = CompletedName(option) { " -x -a '(__mqadmin_names \(kind.rawValue))'" } else { option.takesValue ? " -r -F" : "" }
        return "-s \(option.short)\(long)\(value) -d \(quoted(option.text))"
    }
}
