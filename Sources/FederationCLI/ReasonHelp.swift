import FederationCore
import FederationPage

/// docs/reasons.md, which is a part of the program, for whoever has only that.
enum ReasonHelp {
    /// What `help` takes beside the words of commands: all of it, or one reason.
    static let topics = ["reasons"] + Reason.allCases.map(\.rawValue)

    /// One of the topics, as it is written there.
    static func text(of topic: String) -> String {
        let lines = String(decoding: PageFile.reasons, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
        var shown = lines[...]
        if let head = lines.firstIndex(of: "## " + topic) {
            let next = lines[(head + 1)...].firstIndex { $0.hasPrefix("#") } ?? lines.endIndex
            shown = lines[head..<next]
        }
        while shown.last?.isEmpty == true { shown.removeLast() }
        return shown.joined(separator: "\n")
    }
}
