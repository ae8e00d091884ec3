/// A place in a text, counted from 1: in lines, and within the line in characters (Unicode scalars), as editors do.
public struct Mark: Hashable, Sendable, Comparable {
    public var line: Int
    public var column: Int

    public init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }

    public static let start = Mark(line: 1, column: 1)

    public static func < (a: Mark, b: Mark) -> Bool { (a.line, a.column) < (b.line, b.column) }
}

extension Mark: CustomStringConvertible {
    public var description: String { "\(line):\(column)" }
}

/// One step down into a document.
public enum PathPart: Hashable, Sendable {
    case key(String)
    case index(Int)
}

/// Where in a document something stands: `peers[0].interval`.
public struct ConfigPath: Hashable, Sendable {
    public var parts: [PathPart]

    public init(_ parts: [PathPart] = []) { self.parts = parts }

    public func appending(_ part: PathPart) -> ConfigPath { ConfigPath(parts + [part]) }
}

extension ConfigPath: ExpressibleByArrayLiteral, CustomStringConvertible {
    public init(arrayLiteral elements: PathPart...) { self.init(elements) }

    /// As the messages name it; keys are escaped and cut, for they may come from anybody. Empty at the top.
    public var description: String {
        parts.reduce(into: "") { text, part in
            switch part {
            case .index(let index): text += "[\(index)]"
            case .key(let key): text += (text.isEmpty ? "" : ".") + key.shown
            }
        }
    }
}
