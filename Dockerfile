# Builds the pages and the program inside Docker. Dockerfile.prebuilt takes what was built outside.

FROM node:22-alpine AS ui
WORKDIR /src/web/ui
COPY web/ui/package.json web/ui/package-lock.json web/ui/.npmrc ./
RUN npm ci --no-audit --no-fund
COPY web/ui ./
RUN npm run build

FROM golang:1.26-alpine AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
COPY --from=ui /src/web/dist ./web/dist
RUN CGO_ENABLED=0 go build -trimpath -o /chessrelay ./cmd/chessrelay

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /chessrelay /chessrelay
VOLUME /data
EXPOSE 8080 9080
ENTRYPOINT ["/chessrelay"]
