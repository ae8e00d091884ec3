/// A place in a text, counted from 1: in lines, and within the line in characters (Unicode scalars), as editors do.
package struct Mark: Hashable, Sendable, Comparable {
    package var line: Int
    package var column: Int

    package init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }

    package static let start = Mark(line: 1, column: 1)

    package static func < (a: Mark, b: Mark) -> Bool { (a.line, a.column) < (b.line, b.column) }
}

extension Mark: CustomStringConvertible {
    package var description: String { "\(line):\(column)" }
}

/// One step down into a document.
package enum PathPart: Hashable, Sendable {
    case key(String)
    case index(Int)
}

/// Where in a document something stands: `peers[0].interval`.
package struct ConfigPath: Hashable, Sendable {
    package var parts: [PathPart]

    package init(_ parts: [PathPart] = []) { self.parts = parts }

    package func appending(_ part: PathPart) -> ConfigPath { ConfigPath(parts + [part]) }
}

extension ConfigPath: ExpressibleByArrayLiteral, CustomStringConvertible {
    package init(arrayLiteral elements: PathPart...) { self.init(elements) }

    /// As the messages name it; keys are escaped and cut, for they may come from anybody. Empty at the top.
    package var description: String {
        parts.reduce(into: "") { text, part in
            switch part {
            case .index(let index): text += "[\(index)]"
            case .key(let key): text += (text.isEmpty ? "" : ".") + key.shown
            }
        }
    }
}
