/// The YAML between two lines `---` at the beginning of a Markdown file: what a person says of the record.
///
/// A text that does not begin with such a line, or never closes it, has none. Unknown keys are problems, for what is
/// not understood would be lost.
package struct FrontMatter: Hashable, Sendable {
    package var id: String?
    /// The event that the edit was made on.
    package var base: String?
    package var title: String?
    package var type: String?
    package var tier: String?
    package var author: String?
    /// `nil` where the key is absent: an update then keeps the tags there are.
    package var tags: [String]?
    package var derivedFrom: [String]?

    package init() {}

    /// Cuts `text` into its front matter and the body behind it.
    ///
    /// One empty line between them belongs to neither.
    package static func split(_ text: String) -> Result<(matter: FrontMatter, body: String), ConfigProblems> {
        let bytes = Array(text.utf8)
        guard let block = block(of: bytes) else { return .success((FrontMatter(), text)) }
        let body = String(decoding: bytes[block.bodyStart...], as: UTF8.self)
        let yaml = Array(bytes[block.yaml])
        if yaml.allSatisfy({ $0 == 0x20 || $0 == 0x0A || $0 == 0x0D }) { return .success((FrontMatter(), body)) }
        // The line that opens the block is kept as an empty one, so that marks name the lines of the file.
        let document = YAMLDocument.parse([0x0A] + yaml)
        guard let root = document.root else { return .failure(ConfigProblems(problems: document.problems)) }
        var reader = MappingReader(root)
        let matter = FrontMatter(reading: &reader)
        let problems = (document.problems + reader.finish()).sorted { $0.at < $1.at }
        return problems.isEmpty ? .success((matter, body)) : .failure(ConfigProblems(problems: problems))
    }

    /// The same for a file that was written for another program too: nothing in it is a problem.
    ///
    /// Where the front matter holds more than this program understands, the body is the whole text, front matter
    /// and all, so that nothing of it is lost; what is understood is used as well. A first line `---` that begins no
    /// front matter is text.
    ///
    /// - Returns: also the text behind the front matter, where a title is to be looked for.
    package static func splitLeniently(_ text: String) -> (matter: FrontMatter, body: String, prose: String) {
        if case .success(let parts) = split(text) { return (parts.matter, parts.body, parts.body) }
        let bytes = Array(text.utf8)
        guard let block = block(of: bytes), let root = YAMLDocument.parse(Array(bytes[block.yaml])).root,
            case .mapping = root.content
        else { return (FrontMatter(), text, text) }
        var reader = MappingReader(root)
        return (FrontMatter(reading: &reader), text, String(decoding: bytes[block.bodyStart...], as: UTF8.self))
    }

    private init(reading reader: inout MappingReader) {
        let text = ValueReader<String> { (text) throws(ConfigProblem.Reason) in text }
        id = reader.optional("id", text)
        base = reader.optional("base", text)
        title = reader.optional("title", text)
        type = reader.optional("type", text)
        tier = reader.optional("tier", text)
        author = reader.optional("author", text)
        let tags = reader.list("tags", text)
        self.tags = tags.isEmpty && !reader.has("tags") ? nil : tags
        let derivedFrom = reader.list("derived_from", text)
        self.derivedFrom = derivedFrom.isEmpty && !reader.has("derived_from") ? nil : derivedFrom
    }

    static func block(of bytes: [UInt8]) -> (yaml: Range<Int>, bodyStart: Int)? {
        guard let first = line(in: bytes, at: 0), isFence(bytes[0..<first.end]) else { return nil }
        var start = first.next
        while let line = line(in: bytes, at: start) {
            if isFence(bytes[start..<line.end]) {
                var bodyStart = line.next
                if let empty = self.line(in: bytes, at: bodyStart),
                    bytes[bodyStart..<empty.end].allSatisfy({ $0 == 0x0D })
                {
                    bodyStart = empty.next
                }
                return (first.next..<start, bodyStart)
            }
            start = line.next
        }
        return nil
    }

    /// Where the line that begins at `start` ends, and where the next one begins; `nil` behind the last.
    private static func line(in bytes: [UInt8], at start: Int) -> (end: Int, next: Int)? {
        guard start < bytes.count else { return nil }
        let end = bytes[start...].firstIndex(of: 0x0A) ?? bytes.count
        return (end, min(end + 1, bytes.count))
    }

    private static func isFence(_ line: ArraySlice<UInt8>) -> Bool {
        line.elementsEqual([0x2D, 0x2D, 0x2D]) || line.elementsEqual([0x2D, 0x2D, 0x2D, 0x0D])
    }
}
