import Federation
import FederationConfig
import FederationCore
import Glibc

let completionCommand = CommandDefinition(
    name: "completion", summary: "print a script by which a shell completes command lines",
    details: """
        For bash: 'source <(federation completion bash)'. For zsh a file _federation in a directory of $fpath, for fish a
        file federation.fish in ~/.config/fish/completions.
        """,
    positionals: [.init(name: "SHELL", count: .one)], printsFacts: false,
    examples: [
        ("federation completion bash", "for bash"), ("federation completion zsh", "for zsh"),
        ("federation completion fish", "for fish"),
    ]
) { arguments, console in
    let word = arguments.positionals[0]
    guard let shell = CompletionScript.Shell(rawValue: word) else {
        let meant = closest(to: word, among: ["bash", "zsh", "fish"]).map { "did you mean '\($0)'?" }
        console.error("no completion for '\(word.escapedForTerminal)'", hint: meant ?? "bash, zsh or fish")
        return .usage
    }
    console.print(CompletionScript.text(for: shell, allCommands))
    return .ok
}

let manualCommand = CommandDefinition(
    name: "manual", summary: "print a manual page, or write all of them into a directory",
    details: """
        The page of the program, or of one command, in roff: 'man -l' shows it. With --into, one file for each command:
        federation.1, federation-put.1 and so on.
        """,
    positionals: [.init(name: "COMMAND", count: .any)],
    options: [.init("--into", value: "DIR", "write every page into this directory, which must be there")], printsFacts: false,
    examples: [
        ("federation manual", "the page of the program"), ("federation manual quarantine list", "of one command"),
        ("federation manual --into man1", "all pages, as files"),
    ]
) { arguments, console in
    let words = arguments.positionals.joined(separator: " ")
    if let directory = arguments.value("--into") {
        for command in [nil] + allCommands.map(Optional.some) {
            let path = "\(directory)/\(ManualPage.name(of: command)).1"
            guard ManualPage.write(command, to: path) else {
                console.error("'\(path.escapedForTerminal)' cannot be written", hint: "the directory must be there")
                return .failure
            }
        }
        return .ok
    }
    guard !words.isEmpty else {
        console.print(ManualPage.overview(allCommands, version: programVersion))
        return .ok
    }
    guard let command = allCommands.first(where: { $0.name == words }) else {
        let meant = closest(to: words, among: allCommands.map(\.name)).map { "did you mean '\($0)'?" }
        console.error("no command '\(words.escapedForTerminal)'", hint: meant ?? "run 'federation --help' for what there is")
        return .usage
    }
    console.print(ManualPage.text(command, version: programVersion))
    return .ok
}

extension ManualPage {
    fileprivate static func write(_ command: CommandDefinition?, to path: String) -> Bool {
        let page = command.map { text($0, version: programVersion) } ?? overview(allCommands, version: programVersion)
        guard let file = fopen(path, "we") else { return false }
        let isWritten = fputs(page + "\n", file) >= 0
        return fclose(file) == 0 && isWritten
    }
}
