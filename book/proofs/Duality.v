(** What a certificate claims, over the real numbers, and weak duality: nothing here computes.

    A network is a list of units (u, v). [hs] holds one function a sample: what a unit's hidden layer makes of it
    from u, a number. The output at the sample is the sum of h(u) v over the units. *)

Require Import Reals Lra List.
Import ListNotations.
Open Scope R_scope.

Fixpoint dot (x y : list R) : R :=
  match x, y with a :: x', b :: y' => a * b + dot x' y' | _, _ => 0 end.

Fixpoint add (x y : list R) : list R :=
  match x, y with a :: x', b :: y' => a + b :: add x' y' | _, _ => [] end.

Definition scale (a : R) (x : list R) : list R := map (Rmult a) x.

Fixpoint squares (x y : list R) : R :=  (* |x - y|^2 *)
  match x, y with a :: x', b :: y' => (a - b) * (a - b) + squares x' y' | _, _ => 0 end.

Definition network := list (list R * list R).

(** u has d numbers and v has c, in every unit. *)
Definition shaped (d c : nat) (net : network) : Prop :=
  forall u v, In (u, v) net -> length u = d /\ length v = c.

Fixpoint output (h : list R -> R) (c : nat) (net : network) : list R :=
  match net with (u, v) :: net' => add (scale (h u) v) (output h c net') | [] => repeat 0 c end.

Fixpoint loss (hs : list (list R -> R)) (Y : list (list R)) (c : nat) (net : network) : R :=
  match hs, Y with
  | h :: hs', y :: Y' => squares (output h c net) y / 2 + loss hs' Y' c net
  | _, _ => 0
  end.

Fixpoint cost (net : network) : R :=
  match net with (u, v) :: net' => (dot u u + dot v v) / 2 + cost net' | [] => 0 end.

Definition objective (hs : list (list R -> R)) (Y : list (list R)) (lam : R) (net : network) (c : nat) : R :=
  loss hs Y c net + lam * cost net.

(** The hidden layers: rectified linear units of the rows of S, and none (a product of matrices). *)
Definition relu (z : R) : R := Rmax z 0.
Definition relu_layer (S : list (list R)) : list (list R -> R) := map (fun s u => relu (dot s u)) S.
Definition no_layer (N : nat) : list (list R -> R) := map (fun i u => nth i u 0) (seq 0 N).

(** The dual side: G has a row g a sample; a unit's inner product with it; minus the conjugate of the squared loss. *)
Fixpoint gain (hs : list (list R -> R)) (G : list (list R)) (u v : list R) : R :=
  match hs, G with h :: hs', g :: G' => h u * dot g v + gain hs' G' u v | _, _ => 0 end.

Fixpoint dual_value (G Y : list (list R)) : R :=
  match G, Y with g :: G', y :: Y' => dual_value G' Y' - dot g g / 2 - dot g y | _, _ => 0 end.

(** No unit gains more than it costs. *)
Definition feasible (hs : list (list R -> R)) (G : list (list R)) (lam : R) (d c : nat) : Prop :=
  forall u v, length u = d -> length v = c -> 0 <= gain hs G u v + lam * ((dot u u + dot v v) / 2).

Lemma dot_comm x : forall y, dot x y = dot y x.
Proof. induction x; destruct y; simpl; auto. rewrite IHx. ring. Qed.

Lemma dot_nil x : dot x [] = 0.
Proof. destruct x; reflexivity. Qed.

Lemma dot_zeros x : forall n, dot x (repeat 0 n) = 0.
Proof. induction x; destruct n; simpl; auto. rewrite IHx. ring. Qed.

Lemma dot_self_nonneg x : 0 <= dot x x.
Proof. induction x; simpl; nra. Qed.

Lemma dot_scale g a : forall x, dot g (scale a x) = a * dot g x.
Proof. unfold scale. induction g; intros [|c x]; simpl; try ring. rewrite IHg. ring. Qed.

Lemma dot_add g : forall x y, length x = length y -> dot g (add x y) = dot g x + dot g y.
Proof.
  induction g; intros [|b x] [|c y] E; simpl in *; try lra; try discriminate.
  injection E as E. rewrite (IHg _ _ E). ring.
Qed.

Lemma length_add x : forall y, length x = length y -> length (add x y) = length x.
Proof. induction x; intros [|b y] E; simpl in *; try discriminate; auto. Qed.

Lemma length_output h d c net : shaped d c net -> length (output h c net) = c.
Proof.
  induction net as [|[u v] net IH]; intros W; simpl; [apply repeat_length|].
  assert (T : shaped d c net) by (intros x y I; apply W; now right).
  destruct (W u v) as [_ L]; [now left|].
  unfold scale. rewrite length_add; rewrite map_length; [exact L|]. now rewrite L, IH.
Qed.

(** Young's inequality, sample by sample: |x - y|^2 / 2 >= g.x - |g|^2 / 2 - g.y. *)
Lemma young g : forall x y, length g = length x -> length y = length x ->
  dot g x - dot g g / 2 - dot g y <= squares x y / 2.
Proof.
  induction g; intros [|b x] [|c y] E F; simpl in *; try discriminate; try lra.
  injection E as E. injection F as F. specialize (IHg x y E F).
  pose proof (Rle_0_sqr (b - c - a)) as P. unfold Rsqr in P. lra.
Qed.

(** The inner product of G with the outputs of a network. *)
Fixpoint inner (hs : list (list R -> R)) (G : list (list R)) (c : nat) (net : network) : R :=
  match hs, G with h :: hs', g :: G' => dot g (output h c net) + inner hs' G' c net | _, _ => 0 end.

Lemma inner_cons hs d c u v net : shaped d c ((u, v) :: net) ->
  forall G, inner hs G c ((u, v) :: net) = gain hs G u v + inner hs G c net.
Proof.
  intros W. assert (T : shaped d c net) by (intros x y I; apply W; now right).
  destruct (W u v) as [_ L]; [now left|].
  induction hs as [|h hs IH]; intros [|g G]; simpl; try ring.
  rewrite IH, dot_add, dot_scale; [ring|].
  unfold scale. rewrite map_length, L. symmetry. eapply length_output, T.
Qed.

Lemma inner_nil hs c : forall G, inner hs G c [] = 0.
Proof. induction hs; intros [|g G]; simpl; auto. rewrite IHhs, dot_zeros. ring. Qed.

Lemma inner_bounded hs G lam d c net : feasible hs G lam d c -> shaped d c net ->
  0 <= inner hs G c net + lam * cost net.
Proof.
  intros F. induction net as [|[u v] net IH]; intros W; [rewrite inner_nil; simpl; lra|].
  assert (T : shaped d c net) by (intros x y I; apply W; now right).
  destruct (W u v) as [K L]; [now left|].
  rewrite (inner_cons hs d c u v net W G). simpl. specialize (F u v K L). specialize (IH T). lra.
Qed.

Definition columns (c : nat) (M : list (list R)) : Prop := Forall (fun row => length row = c) M.

Lemma loss_bounded d c net : shaped d c net -> forall hs G Y,
  length hs = length Y -> length G = length Y -> columns c G -> columns c Y ->
  inner hs G c net + dual_value G Y <= loss hs Y c net.
Proof.
  intros W. induction hs as [|h hs IH]; intros [|g G] [|y Y] E F A B; simpl in *; try discriminate; try lra.
  injection E as E. injection F as F. inversion_clear A. inversion_clear B.
  specialize (IH G Y E F H0 H2).
  pose proof (length_output h d c net W).
  pose proof (young g (output h c net) y). rewrite H, H1, H3 in H4. specialize (H4 eq_refl eq_refl). lra.
Qed.

Theorem weak_duality hs G Y lam d c net :
  feasible hs G lam d c -> length hs = length Y -> length G = length Y -> columns c G -> columns c Y ->
  shaped d c net -> dual_value G Y <= objective hs Y lam net c.
Proof.
  intros F E L A B W. unfold objective.
  pose proof (inner_bounded hs G lam d c net F W). pose proof (loss_bounded d c net W hs G Y E L A B). lra.
Qed.
