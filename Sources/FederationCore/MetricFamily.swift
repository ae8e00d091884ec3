/// Measurements of one kind, as monitoring systems read them: the text formats of Prometheus (0.0.4) and of OpenMetrics
/// (1.0.0), which differ in few places.
package struct MetricFamily: Hashable, Sendable {
    package enum Kind: String, Hashable, Sendable { case gauge, counter, histogram }

    package struct Sample: Hashable, Sendable {
        /// Names and values, in the order in which they are written.
        package var labels: [String: String]
        package var value: Double
    }

    /// In base units, and without the `_total` of a counter.
    package let name: String
    package let kind: Kind
    /// One sentence, without line ends.
    package let help: String
    package private(set) var samples: [Sample] = []
    private var histograms: [(labels: [String: String], Histogram)] = []

    package init(_ name: String, _ kind: Kind, _ help: String) {
        self.name = name
        self.kind = kind
        self.help = help
    }

    /// A family of one measurement; without samples where there is none.
    package init(_ name: String, _ kind: Kind, _ help: String, _ value: Double?) {
        self.init(name, kind, help)
        if let value { add(value) }
    }

    package mutating func add(_ value: Double, _ labels: [String: String] = [:]) {
        samples.append(Sample(labels: labels, value: value))
    }

    package mutating func add(_ value: Histogram, _ labels: [String: String]) { histograms.append((labels, value)) }

    package static func == (a: MetricFamily, b: MetricFamily) -> Bool {
        a.name == b.name && a.kind == b.kind && a.help == b.help && a.samples == b.samples
            && a.histograms.elementsEqual(b.histograms) { $0.labels == $1.labels && $0.1 == $1.1 }
    }

    package func hash(into hasher: inout Hasher) { hasher.combine(name) }

    /// How often a measurement lay within each bound.
    package struct Histogram: Hashable, Sendable {
        /// Upper bounds, in rising order.
        package let bounds: [Double]
        /// Of those that lay within a bound and not within the one before; the last are beyond all.
        private var counts: [Int]
        private var sum = 0.0

        package init(bounds: [Double]) {
            self.bounds = bounds
            counts = Array(repeating: 0, count: bounds.count + 1)
        }

        package mutating func observe(_ value: Double) {
            counts[bounds.firstIndex { value <= $0 } ?? bounds.count] += 1
            sum += value
        }

        fileprivate func write(_ name: String, _ labels: [String: String], to text: inout String) {
            var total = 0
            for (index, count) in counts.enumerated() {
                total += count
                let bound = index < bounds.count ? MetricFamily.text(bounds[index]) : "+Inf"
                MetricFamily.write(name + "_bucket", labels, last: ("le", bound), Double(total), to: &text)
            }
            MetricFamily.write(name + "_sum", labels, sum, to: &text)
            MetricFamily.write(name + "_count", labels, Double(total), to: &text)
        }
    }
}

// MARK: As text

extension MetricFamily {
    package enum Format: Hashable, Sendable {
        case prometheus, openMetrics

        /// What a request's `Accept` asks for; Prometheus names what it likes best first.
        package init(accept: String?) {
            self = accept?.contains("application/openmetrics-text") == true ? .openMetrics : .prometheus
        }

        package var contentType: String {
            switch self {
            case .prometheus: "text/plain; version=0.0.4; charset=utf-8"
            case .openMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8"
            }
        }
    }

    /// All of them as one text. A family without samples is left out.
    package static func text(_ families: [MetricFamily], as format: Format) -> String {
        var text = ""
        for family in families { family.write(to: &text, as: format) }
        if format == .openMetrics { text += "# EOF\n" }
        return text
    }

    private func write(to text: inout String, as format: Format) {
        guard !samples.isEmpty || !histograms.isEmpty else { return }
        let sampled = kind == .counter ? name + "_total" : name
        // OpenMetrics names a counter's family without what its samples end with.
        let named = format == .openMetrics ? name : sampled
        text += "# HELP \(named) \(MetricFamily.escaped(help))\n# TYPE \(named) \(kind.rawValue)\n"
        for sample in samples { MetricFamily.write(sampled, sample.labels, sample.value, to: &text) }
        for (labels, histogram) in histograms { histogram.write(name, labels, to: &text) }
    }

    private static func write(
        _ name: String, _ labels: [String: String], last: (String, String)? = nil, _ value: Double, to text: inout String
    ) {
        text += name
        let all = labels.sorted { $0.key < $1.key }.map { ($0.key, $0.value) } + [last].compactMap { $0 }
        if !all.isEmpty {
            let pairs = all.map { "\($0.0)=\"\(escaped($0.1).replacing("\"", with: "\\\""))\"" }
            text += "{" + pairs.joined(separator: ",") + "}"
        }
        text += " \(MetricFamily.text(value))\n"
    }

    fileprivate static func text(_ value: Double) -> String {
        Int64(exactly: value).map { String($0) } ?? "\(value)"
    }

    private static func escaped(_ text: String) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": escaped += "\\\\"
            case "\n": escaped += "\\n"
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }
}
