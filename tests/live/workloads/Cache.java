import java.io.*;
import java.net.*;
import java.util.*;
import java.util.concurrent.ConcurrentHashMap;

/** A warm cache: a million entries that exist in memory only, and a port that answers with the entry of a number. */
public class Cache {
    public static void main(String[] arguments) throws IOException {
        int entries = Integer.parseInt(arguments[0]);
        Random random = new Random();
        Map<Integer, Long> cache = new ConcurrentHashMap<>();
        for (int key = 0; key < entries; key++) cache.put(key, random.nextLong());
        ServerSocket server = new ServerSocket(7000);
        System.out.println("warm");
        while (true) {
            try (Socket client = server.accept()) {
                BufferedReader in = new BufferedReader(new InputStreamReader(client.getInputStream()));
                PrintStream out = new PrintStream(client.getOutputStream(), true);
                for (String line = in.readLine(); line != null && !line.isEmpty(); line = in.readLine())
                    out.println(line + " " + cache.get(Integer.parseInt(line)) + " of " + cache.size());
            }
        }
    }
}
