/// Takes a bundle apart while its bytes come: never more of it is held than one page.
///
/// It sees that the parts follow one another as they should and that nothing is missing. Whose they are is for whoever
/// knows the key.
package struct BundleReader: Sendable {
    package enum Part: Hashable, Sendable {
        /// The first line.
        case header(Bundle.Header, line: [UInt8])
        /// A page, with its line and the position that it follows.
        case page(Bundle.PageLine, line: [UInt8], after: String, body: [UInt8])
        /// The last line, with the position after the last page.
        case end(Bundle.End, line: [UInt8], at: String)
    }

    private enum State: Hashable {
        case header
        case line
        case body(Bundle.PageLine, line: [UInt8])
        case over
    }

    private var state = State.header
    private var buffer: [UInt8] = []
    /// Of the buffer, what was taken already.
    private var taken = 0
    /// Of what is left, what was looked through for the end of a line.
    private var searched = 0
    private var position = Bundle.beginning
    private var pages = 0
    private var events: Int64 = 0

    package init() {}

    /// Takes the next bytes. To be called when `next` has no further part.
    package mutating func give(_ bytes: some Collection<UInt8>) {
        buffer.removeFirst(taken)
        taken = 0
        buffer.append(contentsOf: bytes)
    }

    /// The next part; `nil` where more bytes have to come first.
    package mutating func next() throws(Bundle.Problem) -> Part? {
        switch state {
        case .header:
            guard let line = try line(expecting: Bundle.magic) else { return nil }
            let header = try Bundle.Header(line: line)
            position = header.from
            state = .line
            return .header(header, line: line)
        case .line:
            guard let line = try line() else { return nil }
            guard line.starts(with: Array(#"{"page":"#.utf8)) else { return try end(line) }
            let page = try Bundle.PageLine(line: line)
            guard page.page == pages + 1 else { throw .order }
            state = .body(page, line: line)
            return try next()
        case .body(let page, let line):
            // And the newline behind it.
            guard buffer.count - taken > page.bytes else { return nil }
            let body = Array(buffer[taken..<taken + page.bytes])
            guard buffer[taken + page.bytes] == 0x0A else { throw .malformed }
            taken += page.bytes + 1
            let from = position
            position = page.to
            pages += 1
            events += Int64(page.events)
            state = .line
            return .page(page, line: line, after: from, body: body)
        case .over:
            guard buffer.count == taken else { throw .trailing }
            return nil
        }
    }

    /// There are no more bytes.
    package func finish() throws(Bundle.Problem) {
        guard state == .over else { throw state == .header ? .notABundle : .truncated }
        guard buffer.count == taken else { throw .trailing }
    }

    private mutating func end(_ line: [UInt8]) throws(Bundle.Problem) -> Part {
        let end = try Bundle.End(line: line)
        guard end.pages == pages, end.events == events else { throw .counts }
        state = .over
        return .end(end, line: line, at: position)
    }

    /// A line without its end; `nil` where that has not come.
    ///
    /// - Parameter start: what it has to begin with, which is looked at before the line is whole.
    private mutating func line(expecting start: [UInt8] = []) throws(Bundle.Problem) -> [UInt8]? {
        let rest = buffer[taken...]
        guard rest.starts(with: start.prefix(rest.count)) else { throw .notABundle }
        let room = rest.prefix(Limits.bundleLineBytes + 1)
        guard let end = room.dropFirst(searched).firstIndex(of: 0x0A) else {
            guard rest.count <= Limits.bundleLineBytes else { throw .tooLong }
            searched = room.count
            return nil
        }
        searched = 0
        let line = Array(rest[..<end])
        taken = end + 1
        return line
    }
}
