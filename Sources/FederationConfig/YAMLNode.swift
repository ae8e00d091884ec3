/// One value of a YAML text, with its place. Scalars are text: what they mean is for the reader of the value to say,
/// so `no`, `0777` and `12:30` hold no surprise.
package struct YAMLNode: Hashable, Sendable {
    package indirect enum Content: Hashable, Sendable {
        /// `isPlain` is false for quoted and block scalars.
        case scalar(String, isPlain: Bool)
        case sequence([YAMLNode], isFlow: Bool)
        case mapping([Entry], isFlow: Bool)
        /// Something refused where it stands, such as an alias: the problem is reported, the value is not known.
        case refused
    }

    package struct Entry: Hashable, Sendable {
        package var key: String
        package var keyNode: YAMLNode
        package var value: YAMLNode
    }

    package var content: Content
    package var at: Mark
    /// The bytes it was read from. A block collection's range ends before what follows it, comments included;
    /// `contentEnd` is its end proper.
    var range: Range<Int>

    /// A key with nothing behind it, or an empty list item.
    package var isEmpty: Bool {
        if case .scalar("", isPlain: true) = content { true } else { false }
    }

    package var kind: Kind {
        switch content {
        case .scalar: isEmpty ? .nothing : .text
        case .sequence: .list
        case .mapping: .mapping
        case .refused: .nothing
        }
    }

    /// What a value is, in the words of the messages.
    package enum Kind: String, Hashable, Sendable {
        case text = "text"
        case list = "a list"
        case mapping = "a mapping"
        case nothing = "nothing"
    }

    /// The value of a key; `nil` where this is not a mapping, or has no such key.
    package subscript(key: String) -> YAMLNode? { entry(key)?.value }

    func entry(_ key: String) -> Entry? {
        guard case .mapping(let entries, _) = content else { return nil }
        return entries.first { $0.key == key }
    }

    /// The node at a path, or the deepest one on the way to it that there is.
    package func nearest(to path: ConfigPath) -> YAMLNode {
        var node = self
        for part in path.parts {
            switch (part, node.content) {
            case (.key(let key), .mapping):
                guard let next = node[key] else { return node }
                node = next
            case (.index(let index), .sequence(let items, _)) where items.indices.contains(index):
                node = items[index]
            default: return node
            }
        }
        return node
    }

    /// Behind the last byte of the value itself.
    var contentEnd: Int {
        switch content {
        case .sequence(let items, isFlow: false): items.last?.contentEnd ?? range.upperBound
        case .mapping(let entries, isFlow: false): entries.last?.value.contentEnd ?? range.upperBound
        case .scalar, .sequence, .mapping, .refused: range.upperBound
        }
    }
}
