module github.com/chessrelay/chessrelay/bench/node

go 1.26.0
