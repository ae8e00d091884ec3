/// The candidate that `word` most likely was meant to be: it begins so, or at most a third of its letters are wrong,
/// and no more than three. Of several as near, the first in order of the alphabet.
package func closest(to word: String, among candidates: [String]) -> String? {
    let letters = Array(word.lowercased().unicodeScalars.prefix(64))
    let allowed = min(3, max(1, letters.count / 3))
    var best: (distance: Int, word: String)?
    for candidate in candidates.sorted() {
        let isBeginning = letters.count > 1 && candidate.lowercased().unicodeScalars.starts(with: letters)
        let distance = isBeginning ? 1 : editDistance(letters, Array(candidate.lowercased().unicodeScalars))
        if distance <= allowed, distance < candidate.unicodeScalars.count, distance < best?.distance ?? .max {
            best = (distance, candidate)
        }
    }
    return best?.word
}

/// How many letters to insert, remove, replace, or swap with a neighbour (optimal string alignment).
private func editDistance(_ a: [Unicode.Scalar], _ b: [Unicode.Scalar]) -> Int {
    guard !a.isEmpty, !b.isEmpty else { return max(a.count, b.count) }
    var before: [Int] = []
    var above = Array(0...b.count)
    for i in 1...a.count {
        var row = [i]
        for j in 1...b.count {
            var distance = min(row[j - 1] + 1, above[j] + 1, above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1))
            if i > 1, j > 1, a[i - 1] == b[j - 2], a[i - 2] == b[j - 1] { distance = min(distance, before[j - 2] + 1) }
            row.append(distance)
        }
        before = above
        above = row
    }
    return above[b.count]
}
