func milliseconds(_ nanoseconds: UInt64) -> String {
    let value = Double(nanoseconds) / 1_000_000
    return decimal(value, places: value < 10 ? 2 : value < 100 ? 1 : 0)
}

func decimal(_ value: Double, places: Int) -> String {
    var scale = 1.0
    for _ in 0..<places { scale *= 10 }
    let scaled = (value * scale).rounded()
    let whole = Int(scaled / scale)
    guard places > 0 else { return String(whole) }
    let rest = String(Int(scaled) - whole * Int(scale))
    return "\(whole)." + String(repeating: "0", count: places - rest.count) + rest
}

func median(_ values: [Double]) -> Double {
    let sorted = values.sorted()
    guard !sorted.isEmpty else { return 0 }
    let middle = sorted.count / 2
    return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

extension String {
    /// With spaces before it, or after it.
    func padded(_ width: Int) -> String { String(repeating: " ", count: Swift.max(0, width - count)) + self }
    func padding(_ width: Int) -> String { self + String(repeating: " ", count: Swift.max(0, width - count)) }
}
