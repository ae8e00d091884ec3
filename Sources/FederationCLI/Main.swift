import Federation
@main struct Main { static func main() {} }
