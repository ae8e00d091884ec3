package import FederationCore

/// A record as a Markdown file, and back.
package struct NoteText: Sendable {
    package var matter: FrontMatter
    package var body: String

    /// Reads a file. It is UTF-8, and its front matter holds nothing that is not understood.
    package init(_ bytes: [UInt8]) throws(NoteProblem) {
        guard bytes.count <= Limits.noteBytes else { throw .tooLarge }
        // Some editors begin a text with a mark of its encoding, before the front matter.
        let bytes = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? bytes.dropFirst(3) : bytes[...]
        guard let text = String(validating: bytes, as: UTF8.self), !bytes.contains(0) else { throw .notUTF8 }
        guard case .success(let parts) = FrontMatter.split(text) else { throw .frontMatter }
        (matter, body) = parts
    }

    /// The versions that it says it was made from; an id that is none is a problem.
    package var base: [ULID] {
        get throws(NoteProblem) {
            let words = (matter.base ?? "").split { $0 == " " || $0 == "," }
            let ids = words.compactMap { ULID($0) }
            guard ids.count == words.count else { throw .frontMatter }
            return ids
        }
    }

    /// What it makes of a content: what it says nothing of stays.
    package func applied(to before: Snapshot, title: String, _ sha256: SHA256) -> Snapshot {
        var content = before
        content.title = title
        content.body = body
        content.contentHash = Snapshot.contentHash(of: body, sha256)
        if let type = matter.type { content.type = type }
        if let tier = matter.tier { content.tier = tier }
        if let author = matter.author { content.author = author }
        if let tags = matter.tags { content.tags = tags }
        if let derivedFrom = matter.derivedFrom { content.derivedFrom = derivedFrom }
        return content
    }

    /// The file that a record makes. Read again it says the same, whatever the record says.
    package static func bytes(_ subject: String, heads: [ULID], _ content: Snapshot) -> [UInt8] {
        var text = "---\n"
        if heads.count > 1 {
            text += "# \(heads.count) versions stand side by side: this is one, "
            text += "and 'federation show \(subject.yamlScalar)' has them all.\n"
            text += "# What is saved here settles it.\n"
        }
        text += "id: \(subject.yamlScalar)\n"
        text += "base: \(heads.map(\.description).joined(separator: " ").yamlScalar)\n"
        text += "title: \(content.title.yamlScalar)\n"
        text += "type: \(content.type.yamlScalar)\n"
        if !content.tier.isEmpty { text += "tier: \(content.tier.yamlScalar)\n" }
        if !content.author.isEmpty { text += "author: \(content.author.yamlScalar)\n" }
        text += list("tags", content.tags) + list("derived_from", content.derivedFrom)
        return Array((text + "---\n\n" + content.body).utf8)
    }

    private static func list(_ key: String, _ items: [String]) -> String {
        items.isEmpty ? "" : "\(key): [\(items.map { $0.quotedScalar }.joined(separator: ", "))]\n"
    }
}

extension String {
    /// In a list within brackets a plain text may end at what means nothing elsewhere.
    fileprivate var quotedScalar: String {
        let isWord = !isEmpty && utf8.allSatisfy { ($0 | 0x20) >= 0x61 && ($0 | 0x20) <= 0x7A || $0 == 0x2D }
        let plain = yamlScalar
        return isWord || plain.hasPrefix("\"") ? plain : "\"\(self)\""
    }
}
