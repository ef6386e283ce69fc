package client_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/chessrelay/chessrelay/client"
	"github.com/chessrelay/chessrelay/relay"
)

// A program that knows the games of a hall opens a round and relays the moves.
func ExampleClient_PlayMove() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c := client.New([]string{"http://127.0.0.1:8080", "http://127.0.0.1:8081"}, client.Options{Source: "the hall"})
	defer c.Close()

	tournament, err := c.CreateTournament(ctx, client.NewTournament{Name: "City Open"})
	if err != nil {
		log.Fatal(err)
	}
	round, err := c.CreateRound(ctx, tournament, "Round 1")
	if err != nil {
		log.Fatal(err)
	}
	game, err := c.CreateGame(ctx, round, client.NewGame{
		Board: 1, White: relay.Player{Name: "Carlsen, Magnus"}, Black: relay.Player{Name: "Caruana, Fabiano"},
	})
	if err != nil {
		log.Fatal(err)
	}
	accepted, err := c.PlayMove(ctx, game, client.NewMove{Ply: 1, Move: "e4"})
	if refusal, ok := errors.AsType[*client.Error](err); ok && refusal.Code == "illegal_move" {
		log.Fatalf("the board and the players disagree: %v", refusal)
	} else if err != nil {
		log.Fatal(err)
	}
	fmt.Println("recorded", accepted.SAN, "at index", accepted.Index)
}

// A program follows a round until it is interrupted.
func ExampleClient_Watch() {
	ctx, stop := context.WithTimeout(context.Background(), time.Hour)
	defer stop()
	c := client.New([]string{"http://127.0.0.1:8080"}, client.Options{})
	defer c.Close()
	err := c.Watch(ctx, "AbCd1234", 0, func(f client.Frame) error {
		if f.Type == "move" {
			fmt.Printf("board %d: %s\n", f.Board, f.SAN)
		}
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
}

// Path escapes what it appends.
func ExamplePath() {
	fmt.Println(client.Path("/api/games", "a/b?c", "moves"))
	// Output: /api/games/a%2Fb%3Fc/moves
}
