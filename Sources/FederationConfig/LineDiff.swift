/// What differs between two texts, line by line, as a unified diff shows it.
package struct LineDiff: Hashable, Sendable {
    /// Hunks with their `@@` lines; empty where the texts are equal. Line breaks are not shown.
    package private(set) var lines: [String] = []
    package private(set) var added = 0
    package private(set) var removed = 0

    /// A line is its bytes with its break: to Swift, two spellings of one text are equal.
    private typealias Line = [UInt8]

    private enum Step {
        case same(Line), removed(Line), added(Line)
    }

    /// More lines than this between the first and the last difference are shown as replaced whole.
    private static let mostCompared = 500
    private static let context = 2

    package init(from old: [UInt8], to new: [UInt8]) {
        let (old, new) = (LineDiff.lines(of: old), LineDiff.lines(of: new))
        let head = zip(old, new).prefix { $0 == $1 }.count
        let tail = min(
            zip(old.reversed(), new.reversed()).prefix { $0 == $1 }.count, old.count - head, new.count - head)
        let middle = LineDiff.steps(Array(old[head..<old.count - tail]), Array(new[head..<new.count - tail]))
        let steps = old[..<head].map { Step.same($0) } + middle + old[(old.count - tail)...].map { Step.same($0) }
        show(steps)
    }

    private static func lines(of bytes: [UInt8]) -> [Line] {
        var lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false).map { Array($0) + [0x0A] }
        lines[lines.count - 1].removeLast()
        if lines.last?.isEmpty == true { lines.removeLast() }
        return lines
    }

    /// The shortest way from one to the other.
    private static func steps(_ old: [Line], _ new: [Line]) -> [Step] {
        guard old.count <= mostCompared, new.count <= mostCompared else {
            return old.map { .removed($0) } + new.map { .added($0) }
        }
        // common[i][j]: how many lines of old[i...] and new[j...] can be kept.
        var common = Array(repeating: Array(repeating: 0, count: new.count + 1), count: old.count + 1)
        for i in old.indices.reversed() {
            for j in new.indices.reversed() {
                common[i][j] = old[i] == new[j] ? common[i + 1][j + 1] + 1 : max(common[i + 1][j], common[i][j + 1])
            }
        }
        var steps: [Step] = []
        var (i, j) = (0, 0)
        while i < old.count || j < new.count {
            if i < old.count, j < new.count, old[i] == new[j] {
                steps.append(.same(old[i]))
                (i, j) = (i + 1, j + 1)
            } else if i < old.count, j == new.count || common[i + 1][j] >= common[i][j + 1] {
                steps.append(.removed(old[i]))
                i += 1
            } else {
                steps.append(.added(new[j]))
                j += 1
            }
        }
        return steps
    }

    private mutating func show(_ steps: [Step]) {
        let changes = steps.indices.filter { if case .same = steps[$0] { false } else { true } }
        var (oldLine, newLine, next) = (1, 1, 0)
        var index = 0
        while next < changes.count {
            var last = next
            while last + 1 < changes.count, changes[last + 1] - changes[last] <= 2 * LineDiff.context { last += 1 }
            let first = max(changes[next] - LineDiff.context, 0)
            let end = min(changes[last] + LineDiff.context + 1, steps.count)
            oldLine += first - index
            newLine += first - index
            let hunk = steps[first..<end]
            let olds = hunk.count { if case .added = $0 { false } else { true } }
            let news = hunk.count { if case .removed = $0 { false } else { true } }
            lines.append("@@ -\(oldLine),\(olds) +\(newLine),\(news) @@")
            for step in hunk {
                switch step {
                case .same(let line): show(" ", line)
                case .removed(let line):
                    show("-", line)
                    removed += 1
                case .added(let line):
                    show("+", line)
                    added += 1
                }
            }
            (oldLine, newLine, index, next) = (oldLine + olds, newLine + news, end, last + 1)
        }
    }

    private mutating func show(_ sign: String, _ line: Line) {
        let text = line.last == 0x0A ? line.dropLast() : line[...]
        lines.append(sign + String(decoding: text.last == 0x0D ? text.dropLast() : text, as: UTF8.self))
        if line.last != 0x0A { lines.append("\\ no line break at the end") }
    }
}
