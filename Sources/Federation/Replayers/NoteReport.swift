internal import FederationCore

/// What `status` says of a directory of notes.
struct NoteReport: Sendable {
    var notes = 0
    /// Events that were made of what somebody did there, since the node began …
    var edits = 0
    /// … and files that were written.
    var written = 0
    /// Texts that are kept beside their notes, by their names.
    var conflicts: Set<String> = []
    /// Files that are left as they are, and why.
    private(set) var leftAlone: [ExactText: NoteProblem] = [:]
    var folder: NoteFolderProblem?

    /// Something there is for a person to do.
    var isDegraded: Bool { folder != nil || !conflicts.isEmpty || !leftAlone.isEmpty }

    mutating func leave(_ name: String, _ problem: NoteProblem) {
        let key = ExactText(name)
        if leftAlone[key] != nil || leftAlone.count < Limits.noteProblems { leftAlone[key] = problem }
    }

    mutating func settle(_ name: String) { leftAlone[ExactText(name)] = nil }

    mutating func settleAll() { leftAlone = [:] }

    var leftCount: Int { leftAlone.count }

    func write(to writer: inout JSONWriter) {
        writer.key("files")
        writer.object { writer in
            writer.member("notes", notes)
            writer.member("edits", edits)
            writer.member("written", written)
            writer.member("conflicts", conflicts.count)
            if let folder {
                writer.member("problem", folder.code)
                if let number = folder.number { writer.member("number", Int(number)) }
            }
            writer.key("left_alone")
            writer.array { writer in
                for (file, problem) in leftAlone.sorted(by: { $0.key < $1.key }) {
                    writer.object { Self.write(problem, of: file.text, to: &$0) }
                }
            }
        }
    }

    private static func write(_ problem: NoteProblem, of file: String, to writer: inout JSONWriter) {
        writer.member("file", file)
        writer.member("why", problem.code)
        switch problem {
        case .unreadable(let code), .unwritable(let code): writer.member("number", Int(code))
        case .refused(let refusal): writer.member("refusal", CommandFailure(refusal, subject: "").code.rawValue)
        case .tooLarge, .notUTF8, .notAFile, .frontMatter, .unknownRecord, .copy, .empty, .tooMany: break
        }
    }
}
