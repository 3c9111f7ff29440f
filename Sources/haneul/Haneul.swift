@main struct Haneul { static func main() { } }
