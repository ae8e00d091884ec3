import FederationCore

/// Reading the JSON of a result for printing. Everything is escaped: titles and names come from anywhere.
extension JSON {
    func text(_ key: String) -> String { self[key]?.string?.escapedForTerminal ?? "" }
    func count(_ key: String) -> Int64 { self[key]?.integer ?? 0 }
    func isTrue(_ key: String) -> Bool { self[key]?.bool ?? false }
    func items(_ key: String) -> [JSON] { self[key]?.array ?? [] }
    func texts(_ key: String) -> [String] { items(key).compactMap { $0.string?.escapedForTerminal } }
}

/// Rows as columns, each as wide as its widest cell; the last one is not padded.
func columns(_ rows: [[String]]) -> String {
    var widths: [Int] = []
    for row in rows {
        for (index, cell) in row.enumerated() {
            if index == widths.count { widths.append(0) }
            widths[index] = max(widths[index], cell.count)
        }
    }
    return rows.map { row in
        var line = ""
        for (index, cell) in row.enumerated() {
            line += index == row.count - 1 ? cell : HelpText.padded(cell, widths[index] + 2)
        }
        return line
    }.joined(separator: "\n")
}

/// `1 event`, `2 events`, `1,234 events`.
func counted(_ number: Int64, _ noun: String) -> String {
    "\(grouped(number)) \(noun)\(number == 1 ? "" : "s")"
}

func grouped(_ number: Int64) -> String {
    let digits = Array(String(number.magnitude))
    var text = ""
    for (index, digit) in digits.enumerated() {
        if index > 0, (digits.count - index) % 3 == 0 { text.append(",") }
        text.append(digit)
    }
    return number < 0 ? "-" + text : text
}

/// `512 B`, `4.1 MB`, `2 GB`: cut to one decimal, in powers of 1000.
func byteText(_ bytes: Int64) -> String {
    let units: [(name: String, size: Int64)] = [
        ("TB", 1_000_000_000_000), ("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1000),
    ]
    guard let unit = units.first(where: { bytes >= $0.size }) else { return "\(bytes) B" }
    let tenths = bytes / (unit.size / 10)
    return tenths % 10 == 0 ? "\(tenths / 10) \(unit.name)" : "\(tenths / 10).\(tenths % 10) \(unit.name)"
}
