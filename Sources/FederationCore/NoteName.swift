/// What a note's file is called: as its title, as far as every file system can bear that.
///
/// Names are compared by bytes: a mark that joins the dot before it makes no other file of a hidden one.
package enum NoteName {
    package static let suffix = ".md"
    /// Between a note's name and the beginning of a hash, in the name of a text that was kept beside it.
    package static let conflict = ".conflict-"
    /// Bytes of a name without its suffix: a file system that encrypts names leaves 143, with all that may follow.
    static let stemBytes = 110
    /// Bytes of what tells two notes of one title apart.
    private static let tailBytes = 40

    /// The title of a file that says none of its own; `nil` for what is no note: another kind of file, a hidden one, a
    /// text that was kept from a conflict.
    package static func title(of file: String) -> String? {
        let bytes = file.utf8
        guard bytes.suffix(3).elementsEqual(suffix.utf8), bytes.count > 3, bytes.first != 0x2E, !isConflict(file) else {
            return nil
        }
        return String(Substring(bytes.dropLast(3)))
    }

    /// A text that was kept beside its note.
    package static func isConflict(_ file: String) -> Bool { file.firstRange(ofBytes: conflict) != nil }

    /// The name for a note of this title, in a directory that has others.
    ///
    /// - Parameter isTaken: whether another file has the name, on a file system that does not tell case apart.
    package static func file(
        title: String, subject: String, _ sha256: SHA256, isTaken: (String) -> Bool
    ) -> String {
        let stem = stem(title)
        if !isTaken(stem + suffix) { return stem + suffix }
        // The end of a record's id is what tells it from others of the same title and day.
        let word = subject.split(separator: "-").last.map(String.init) ?? subject
        let hash = String(sha256(Array(subject.utf8)).hex.prefix(16))
        for tail in [self.stem(word), self.stem(subject), hash] {
            let name = "\(stem) (\(tail.cut(to: tailBytes)))\(suffix)"
            if !isTaken(name) { return name }
        }
        var number = 2
        while isTaken("\(stem) (\(hash) \(number))\(suffix)") { number += 1 }
        return "\(stem) (\(hash) \(number))\(suffix)"
    }

    /// A name that any file system bears, for a note whose title has one that this one does not.
    package static func plainFile(subject: String, _ sha256: SHA256) -> String {
        "note-\(sha256(Array(subject.utf8)).hex.prefix(16))\(suffix)"
    }

    /// The name of a text that is kept beside the note of this name.
    ///
    /// - Parameter number: which of those that would have one name.
    package static func conflictFile(of file: String, _ hash: Digest, _ number: Int = 1) -> String {
        let word = hash.hex.prefix(8) + (number > 1 ? "-\(number)" : "")
        return (title(of: file) ?? "Note").cut(to: 200) + conflict + word + suffix
    }

    /// What both have in common that are one file on a file system that does not tell case apart, nor how a mark is
    /// put to its letter.
    package static func folded(_ file: String) -> String { file.lowercased() }

    /// A title as a name: nothing that ends a path, hides a file, stands for something else, or that only some systems
    /// can write.
    package static func stem(_ title: String) -> String {
        var scalars: [Unicode.Scalar] = []
        for scalar in title.unicodeScalars {
            switch scalar {
            case "/", "\\", ":", "*", "?", "\"", "<", ">", "|": scalars.append("-")
            default:
                switch scalar.properties.generalCategory {
                case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .surrogate, .unassigned,
                    .spaceSeparator:
                    if scalars.last != " " { scalars.append(" ") }
                default: scalars.append(scalar)
                }
            }
            // A title may have megabytes.
            if scalars.count > 2 * stemBytes { break }
        }
        let hidden: Set<Unicode.Scalar> = [".", " ", "~"]
        let trailing: Set<Unicode.Scalar> = [".", " "]
        var stem = text(scalars.drop { hidden.contains($0) })
        while let found = stem.firstRange(ofBytes: conflict) {
            stem = String(stem[..<found.lowerBound]) + "_" + stem[found.upperBound...]
        }
        var kept = Array(stem.cut(to: stemBytes).unicodeScalars)
        while let last = kept.last, trailing.contains(last) { kept.removeLast() }
        stem = text(kept[...])
        if stem.isEmpty { return "Untitled" }
        let first = stem.prefix { $0 != "." }.lowercased()
        return reserved.contains(first) ? stem + "_" : stem
    }

    private static func text(_ scalars: ArraySlice<Unicode.Scalar>) -> String {
        var text = ""
        text.unicodeScalars.append(contentsOf: scalars)
        return text
    }

    private static let reserved: Set<String> = Set(
        ["con", "prn", "aux", "nul"] + (0...9).flatMap { ["com\($0)", "lpt\($0)"] })
}

extension String {
    /// As many whole characters as there is room for; where the first one is larger, as many of its scalars.
    fileprivate func cut(to bytes: Int) -> String {
        guard utf8.count > bytes else { return self }
        var cut = ""
        var count = 0
        for character in self {
            count += character.utf8.count
            guard count <= bytes else { break }
            cut.append(character)
        }
        guard cut.isEmpty else { return cut }
        for scalar in unicodeScalars {
            guard cut.utf8.count + UTF8.width(scalar) <= bytes else { break }
            cut.unicodeScalars.append(scalar)
        }
        return cut
    }

    /// Where a text stands first: by bytes, so that no mark can join it to what is before.
    fileprivate func firstRange(ofBytes text: String) -> Range<Index>? {
        var at = utf8.startIndex
        while at < utf8.endIndex {
            if utf8[at...].starts(with: text.utf8) { return at..<utf8.index(at, offsetBy: text.utf8.count) }
            utf8.formIndex(after: &at)
        }
        return nil
    }
}
