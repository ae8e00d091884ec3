import FederationCore

extension UsageProblem {
    /// What to say and what to do about it.
    var words: (what: String, hint: String?) {
        func shown(_ text: String) -> String { "'\(text.escapedForTerminal)'" }
        func meant(_ suggestion: String?) -> String {
            suggestion.map { "did you mean '\($0)'?" } ?? "run 'federation --help' for what there is"
        }
        switch self {
        case .unknownCommand(let word, let suggestion): return ("unknown command \(shown(word))", meant(suggestion))
        case .unknownOption(let word, let suggestion): return ("unknown option \(shown(word))", meant(suggestion))
        case .missingValue(let option): return ("option \(shown(option)) needs a value", nil)
        case .unexpectedValue(let option): return ("option \(shown(option)) takes no value", nil)
        case .repeatedOption(let option): return ("option \(shown(option)) is given twice", nil)
        case .missingArgument(let name): return ("missing argument \(name)", "add --help to see how the command is used")
        case .unexpectedArgument(let word): return ("unexpected argument \(shown(word))", "add --help to see how the command is used")
        }
    }
}
